#include <math.h>

#include "kernels/units.h"

/// Gain of feature e.
static double gain_of(const float *gain, size_t e) { return gain ? gain[e] : 1; }

void rms_norm_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_rms_norm *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    double squares = 0;
    for (size_t e = 0; e < E; e++) squares += (double)a->x[m * E + e] * a->x[m * E + e];
    const double scale = 1 / sqrt(squares / (double)E + a->epsilon);
    a->scale[m] = (float)scale;
    for (size_t e = 0; e < E; e++)
      a->normalized[m * E + e] = (float)(a->x[m * E + e] * scale * gain_of(a->gain, e));
  }
}

void rms_norm_backward_x_reference(const void *args, size_t begin, size_t end) {
  const lmn_rms_norm_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E, *dy = a->d_normalized + m * E;
    const double scale = a->scale[m];
    double along = 0;
    for (size_t e = 0; e < E; e++) along += gain_of(a->gain, e) * dy[e] * x[e];
    for (size_t e = 0; e < E; e++)
      a->d_x[m * E + e] =
          (float)(scale * (gain_of(a->gain, e) * dy[e] - x[e] * scale * scale * along / (double)E));
  }
}

void rms_norm_backward_gain_reference(const void *args, size_t begin, size_t end) {
  const lmn_rms_norm_grad *a = args;
  const size_t E = a->width;
  for (size_t e = begin * LMN_TILE_COLUMNS; e < end * LMN_TILE_COLUMNS && e < E; e++) {
    double sum = 0;
    for (size_t m = 0; m < a->rows; m++)
      sum += (double)a->d_normalized[m * E + e] * a->x[m * E + e] * a->scale[m];
    a->d_gain[e] = (float)sum;
  }
}
