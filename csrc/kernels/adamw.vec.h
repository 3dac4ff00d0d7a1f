#ifndef LMN_ADAMW_VEC_H
#define LMN_ADAMW_VEC_H

#include "isa/kernel.h"

/// One step of AdamW on `count` values; formula in lmn/training.h.
LMN_INLINE void adamw_step(const lmn_adamw *a, const float *gradient, float *value, float *first,
                           float *second, size_t count) {
  const vec beta1 = vec_set(a->beta1), beta2 = vec_set(a->beta2);
  const vec rest1 = vec_set(1 - a->beta1), rest2 = vec_set(1 - a->beta2);
  const vec keep = vec_set(1 - a->learning_rate * a->weight_decay);
  const vec rate = vec_set(-a->learning_rate / a->correction1);
  const vec unbias = vec_set(1 / a->correction2), epsilon = vec_set(a->epsilon);
  for (size_t i = 0; i < count; i += VEC_LANES) {
    const size_t lanes = vec_lanes(count - i);
    const vec g = vec_mul(vec_load(gradient + i, lanes), vec_set(a->gradient_scale));
    const vec f = vec_fma(beta1, vec_load(first + i, lanes), vec_mul(rest1, g));
    const vec s = vec_fma(beta2, vec_load(second + i, lanes), vec_mul(vec_mul(rest2, g), g));
    const vec size = vec_add(vec_sqrt(vec_mul(s, unbias)), epsilon);
    const vec kept = vec_mul(vec_load(value + i, lanes), keep);
    vec_store(first + i, f, lanes);
    vec_store(second + i, s, lanes);
    vec_store(value + i, vec_fma(rate, vec_div(f, size), kept), lanes);
  }
}

KERNEL(adamw_update) {
  const lmn_adamw *a = args;
  const size_t i = begin * LMN_BLOCK;
  adamw_step(a, a->gradient + i, a->value + i, a->first + i, a->second + i,
             lmn_min(end * LMN_BLOCK, a->count) - i);
}

KERNEL(adamw_rows_update) {
  const lmn_adamw_rows *a = args;
  for (size_t m = begin; m < end; m++) {
    const size_t i = (size_t)a->rows[m] * a->width;
    adamw_step(&a->step, a->step.gradient + m * a->width, a->step.value + i, a->step.first + i,
               a->step.second + i, a->width);
  }
}

#endif
