#include <math.h>

#include "kernels/units.h"

void layer_norm_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_layer_norm *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E;
    double sum = 0, squares = 0;
    for (size_t e = 0; e < E; e++) sum += x[e];
    const double mean = sum / (double)E;
    for (size_t e = 0; e < E; e++) squares += (x[e] - mean) * (x[e] - mean);
    const double scale = 1 / sqrt(squares / (double)E + a->epsilon);
    a->mean[m] = (float)mean;
    a->scale[m] = (float)scale;
    for (size_t e = 0; e < E; e++)
      a->normalized[m * E + e] = (float)((x[e] - mean) * scale * a->gain[e] + a->bias[e]);
  }
}

void layer_norm_backward_x_reference(const void *args, size_t begin, size_t end) {
  const lmn_layer_norm_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E, *dy = a->d_normalized + m * E;
    const double mean = a->mean[m], scale = a->scale[m];
    double sum = 0, along = 0;
    for (size_t e = 0; e < E; e++) {
      sum += (double)a->gain[e] * dy[e];
      along += (double)a->gain[e] * dy[e] * (x[e] - mean) * scale;
    }
    for (size_t e = 0; e < E; e++)
      a->d_x[m * E + e] = (float)(scale * ((double)a->gain[e] * dy[e] - sum / (double)E -
                                           (x[e] - mean) * scale * along / (double)E));
  }
}

void layer_norm_backward_gain_reference(const void *args, size_t begin, size_t end) {
  const lmn_layer_norm_grad *a = args;
  const size_t E = a->width;
  for (size_t e = begin * LMN_TILE_COLUMNS; e < end * LMN_TILE_COLUMNS && e < E; e++) {
    double gain = 0, bias = 0;
    for (size_t m = 0; m < a->rows; m++) {
      const double dy = a->d_normalized[m * E + e];
      gain += dy * ((double)a->x[m * E + e] - a->mean[m]) * a->scale[m];
      bias += dy;
    }
    a->d_gain[e] = (float)gain;
    a->d_bias[e] = (float)bias;
  }
}
