#ifndef LMN_PREDICTION_ERROR_VEC_H
#define LMN_PREDICTION_ERROR_VEC_H

#include "isa/kernel.h"

// error = weight * d^2 or weight * |d|, d = prediction - target; |d| = max(2 (1 - q) d, -2 q d), q
// = 1/2
KERNEL(prediction_error_forward) {
  const lmn_prediction_error *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec d = vec_sub(vec_load(a->predictions + i, lanes), vec_load(a->targets + i, lanes));
    const vec q = a->quantiles ? vec_load(a->quantiles + i, lanes) : vec_set(0.5f);
    const vec below = vec_mul(vec_mul(vec_set(-2), q), d);
    const vec above = vec_mul(vec_mul(vec_set(2), vec_sub(vec_set(1), q)), d);
    const vec size = a->squared ? vec_mul(d, d) : vec_max(below, above);
    vec_store(a->errors + i, vec_mul(vec_load(a->weights + i, lanes), size), lanes);
  }
}

// d_prediction = dy * weight * 2 d, or dy * weight * the slope of |d|
KERNEL(prediction_error_backward) {
  const lmn_prediction_error_grad *a = args;
  float *restrict d_predictions = a->d_predictions;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i++) {
    const float d = a->predictions[i] - a->targets[i];
    const float q = a->quantiles ? a->quantiles[i] : 0.5f;
    const float sign = d > 0 ? 2 * (1 - q) : d < 0 ? -2 * q : 0;
    d_predictions[i] = a->d_errors[i] * a->weights[i] * (a->squared ? 2 * d : sign);
  }
}

#endif
