#ifndef LMN_ADAMW_VEC_H
#define LMN_ADAMW_VEC_H

#include "isa/kernel.h"

// One step of AdamW; formula in lmn/training.h.
KERNEL(adamw_update) {
  const lmn_adamw *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  const vec beta1 = vec_set(a->beta1), beta2 = vec_set(a->beta2);
  const vec rest1 = vec_set(1 - a->beta1), rest2 = vec_set(1 - a->beta2);
  const vec keep = vec_set(1 - a->learning_rate * a->weight_decay);
  const vec rate = vec_set(-a->learning_rate / a->correction1);
  const vec unbias = vec_set(1 / a->correction2), epsilon = vec_set(a->epsilon);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec g = vec_mul(vec_load(a->gradient + i, lanes), vec_set(a->gradient_scale));
    const vec first = vec_fma(beta1, vec_load(a->first + i, lanes), vec_mul(rest1, g));
    const vec second =
        vec_fma(beta2, vec_load(a->second + i, lanes), vec_mul(vec_mul(rest2, g), g));
    const vec size = vec_add(vec_sqrt(vec_mul(second, unbias)), epsilon);
    const vec value = vec_mul(vec_load(a->value + i, lanes), keep);
    vec_store(a->first + i, first, lanes);
    vec_store(a->second + i, second, lanes);
    vec_store(a->value + i, vec_fma(rate, vec_div(first, size), value), lanes);
  }
}

#endif
