#include "kernels/units.h"

void sum_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_sum *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    float sum = a->values[0][i];
    for (size_t t = 1; t < a->terms; t++) sum += a->values[t][i];
    a->sum[i] = sum;
  }
}
