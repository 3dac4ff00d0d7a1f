#ifndef LMN_FEATURE_MAP_VEC_H
#define LMN_FEATURE_MAP_VEC_H

#include <math.h>

#include "isa/kernel.h"

/// A feature, and its slope. Operands of maximum and minimum are ordered so that NaN stays NaN.
typedef struct {
  vec value, slope;
} feature;

LMN_INLINE feature feature_of(lmn_feature_kind kind, vec x) {
  const vec one = vec_set(1), zero = vec_set(0);
  switch (kind) {
    case LMN_FEATURE_RELU:
      return (feature){vec_max(zero, x), vec_where_positive(x, one)};
    case LMN_FEATURE_ELU: {
      // exp(min(x, 0)) is the slope, and 1 above 0.
      const vec power = vec_exp(vec_min(zero, x));
      return (feature){vec_add(vec_max(zero, x), power), power};
    }
    default:
      return (feature){x, one};
  }
}

// features = scale * map(x) / sqrt(sum of map(x)^2 + epsilon)
KERNEL(feature_map_forward) {
  const lmn_feature_map *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E;
    float scale = a->scale;
    if (a->normalize) {
      vec squares = vec_set(0);
      for (size_t e = 0; e < E; e += VEC_LANES) {
        const size_t lanes = vec_lanes(E - e);
        const vec f = vec_first(feature_of(a->kind, vec_load(x + e, lanes)).value, lanes, 0);
        squares = vec_fma(f, f, squares);
      }
      scale /= sqrtf(vec_sum(squares) + a->epsilon);
    }
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec f = feature_of(a->kind, vec_load(x + e, lanes)).value;
      vec_store(a->features + m * E + e, vec_mul(vec_set(scale), f), lanes);
    }
  }
}

// d_x = slope * scale * (dy - f * (f . dy) / (sum of f^2 + epsilon))
KERNEL(feature_map_backward) {
  const lmn_feature_map_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E, *dy = a->d_features + m * E;
    float scale = a->scale, back = 0;
    if (a->normalize) {
      vec squares = vec_set(0), along = vec_set(0);
      for (size_t e = 0; e < E; e += VEC_LANES) {
        const size_t lanes = vec_lanes(E - e);
        const vec f = vec_first(feature_of(a->kind, vec_load(x + e, lanes)).value, lanes, 0);
        squares = vec_fma(f, f, squares);
        along = vec_fma(f, vec_load(dy + e, lanes), along);
      }
      const float sum = vec_sum(squares) + a->epsilon;
      scale /= sqrtf(sum);
      back = -vec_sum(along) / sum;
    }
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const feature f = feature_of(a->kind, vec_load(x + e, lanes));
      const vec rest = vec_fma(vec_set(back), f.value, vec_load(dy + e, lanes));
      vec_store(a->d_x + m * E + e, vec_mul(f.slope, vec_mul(vec_set(scale), rest)), lanes);
    }
  }
}

#endif
