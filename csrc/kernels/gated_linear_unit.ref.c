#include <math.h>

#include "kernels/units.h"

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

void gated_linear_unit_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_gated_linear_unit *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * 2 * E;
    for (size_t e = 0; e < E; e++) a->gated[m * E + e] = (float)(x[e] * sigmoid(x[E + e]));
  }
}

void gated_linear_unit_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_gated_linear_unit_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * 2 * E, *dy = a->d_gated + m * E;
    float *d_x = a->d_x + m * 2 * E;
    for (size_t e = 0; e < E; e++) {
      const double gate = sigmoid(x[E + e]);
      d_x[e] = (float)(dy[e] * gate);
      d_x[E + e] = (float)(dy[e] * x[e] * gate * sigmoid(-x[E + e]));
    }
  }
}
