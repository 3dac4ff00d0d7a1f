#ifndef LMN_SUM_VEC_H
#define LMN_SUM_VEC_H

#include "isa/kernel.h"

// sum = ((values[0] + values[1]) + values[2]) + ...
KERNEL(sum_forward) {
  const lmn_sum *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    vec sum = vec_load(a->values[0] + i, lanes);
    for (size_t t = 1; t < a->terms; t++) sum = vec_add(sum, vec_load(a->values[t] + i, lanes));
    vec_store(a->sum + i, sum, lanes);
  }
}

#endif
