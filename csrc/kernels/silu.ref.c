#include <math.h>

#include "kernels/units.h"

void silu_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_silu *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++)
    a->activated[i] = (float)(a->x[i] / (1 + exp(-(double)a->x[i])));
}

void silu_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_silu_grad *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const double x = a->x[i], sigmoid = 1 / (1 + exp(-x));
    a->d_x[i] = (float)(a->d_activated[i] * sigmoid * (1 + x * (1 - sigmoid)));
  }
}
