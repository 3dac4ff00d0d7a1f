#ifndef LMN_PREDICTION_ERROR_VEC_H
#define LMN_PREDICTION_ERROR_VEC_H

#include "isa/kernel.h"

// error = weight * d^2 or weight * |d|, d = prediction - target
KERNEL(prediction_error_forward) {
  const lmn_prediction_error *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec d = vec_sub(vec_load(a->predictions + i, lanes), vec_load(a->targets + i, lanes));
    const vec size = a->squared ? vec_mul(d, d) : vec_max(d, vec_sub(vec_set(0), d));
    vec_store(a->errors + i, vec_mul(vec_load(a->weights + i, lanes), size), lanes);
  }
}

// d_prediction = dy * weight * 2 d, or dy * weight * the sign of d
KERNEL(prediction_error_backward) {
  const lmn_prediction_error_grad *a = args;
  float *restrict d_predictions = a->d_predictions;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i++) {
    const float d = a->predictions[i] - a->targets[i];
    const float sign = (float)((d > 0) - (d < 0));
    d_predictions[i] = a->d_errors[i] * a->weights[i] * (a->squared ? 2 * d : sign);
  }
}

#endif
