#ifndef LMN_SQUARED_NORM_VEC_H
#define LMN_SQUARED_NORM_VEC_H

#include "isa/kernel.h"

// partial[b] = sum of squares of block b
KERNEL(squared_norm_forward) {
  const lmn_squared_norm *a = args;
  for (size_t b = begin; b < end; b++) {
    const float *block = a->values + b * LMN_SQUARED_NORM_BLOCK;
    const size_t count = lmn_min(a->count - b * LMN_SQUARED_NORM_BLOCK, LMN_SQUARED_NORM_BLOCK);
    a->partial[b] = vec_dot(block, block, count);
  }
}

#endif
