#include <math.h>

#include "kernels/units.h"

static double map(lmn_feature_kind kind, double x) {
  switch (kind) {
    case LMN_FEATURE_RELU:
      return x < 0 ? 0 : x;
    case LMN_FEATURE_ELU:
      return x > 0 ? x + 1 : exp(x);
    default:
      return x;
  }
}

static double slope(lmn_feature_kind kind, double x) {
  switch (kind) {
    case LMN_FEATURE_RELU:
      return x > 0;
    case LMN_FEATURE_ELU:
      return x > 0 ? 1 : exp(x);
    default:
      return 1;
  }
}

void feature_map_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_feature_map *a = args;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * a->width;
    double squares = a->epsilon;
    for (size_t e = 0; e < a->width; e++) squares += map(a->kind, x[e]) * map(a->kind, x[e]);
    const double scale = a->normalize ? a->scale / sqrt(squares) : a->scale;
    for (size_t e = 0; e < a->width; e++)
      a->features[m * a->width + e] = (float)(scale * map(a->kind, x[e]));
  }
}

void feature_map_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_feature_map_grad *a = args;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * a->width, *dy = a->d_features + m * a->width;
    double squares = a->epsilon, along = 0;
    for (size_t e = 0; e < a->width; e++) {
      squares += map(a->kind, x[e]) * map(a->kind, x[e]);
      along += map(a->kind, x[e]) * dy[e];
    }
    const double scale = a->normalize ? a->scale / sqrt(squares) : a->scale;
    const double back = a->normalize ? along / squares : 0;
    for (size_t e = 0; e < a->width; e++)
      a->d_x[m * a->width + e] =
          (float)(scale * (dy[e] - back * map(a->kind, x[e])) * slope(a->kind, x[e]));
  }
}
