#ifndef LMN_SUM_VEC_H
#define LMN_SUM_VEC_H

#include "isa/kernel.h"

enum { SUM_VECTORS = 8 };  // as many additions at once hide the latency of the loop over the terms

/// Values of the sum from `i`, in `vectors` vectors, the last of which has `last_lanes` lanes.
LMN_INLINE void sum_vectors(const lmn_sum *a, size_t i, const size_t vectors, size_t last_lanes) {
  vec sum[SUM_VECTORS];
  for (size_t t = 0; t < a->terms; t++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const size_t lanes = j + 1 < vectors ? VEC_LANES : last_lanes;
      const vec term = vec_load(a->values[t] + i + j * VEC_LANES, lanes);
      sum[j] = t ? vec_add(sum[j], term) : term;
    }
#pragma clang loop unroll(full)
  for (size_t j = 0; j < vectors; j++)
    vec_store(a->sum + i + j * VEC_LANES, sum[j], j + 1 < vectors ? VEC_LANES : last_lanes);
}

// sum = ((values[0] + values[1]) + values[2]) + ...
KERNEL(sum_forward) {
  const lmn_sum *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count), wide = SUM_VECTORS * VEC_LANES;
  size_t i = begin * LMN_BLOCK;
  for (; i + wide <= last; i += wide) sum_vectors(a, i, SUM_VECTORS, VEC_LANES);
  for (; i < last; i += VEC_LANES) sum_vectors(a, i, 1, vec_lanes(last - i));
}

#endif
