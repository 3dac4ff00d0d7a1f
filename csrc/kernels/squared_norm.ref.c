#include "kernels/units.h"

void squared_norm_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_squared_norm *a = args;
  for (size_t b = begin; b < end; b++) {
    double sum = 0;
    for (size_t i = b * LMN_SQUARED_NORM_BLOCK;
         i < (b + 1) * LMN_SQUARED_NORM_BLOCK && i < a->count; i++)
      sum += (double)a->values[i] * a->values[i];
    a->partial[b] = (float)sum;
  }
}
