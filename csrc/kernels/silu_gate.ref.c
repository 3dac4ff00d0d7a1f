#include <math.h>

#include "kernels/units.h"

void silu_gate_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_silu_gate *a = args;
  for (size_t i = begin * LMN_BLOCK; i < lmn_min(end * LMN_BLOCK, a->count); i++)
    a->gated[i] = (float)((double)a->x[i] * a->gate[i] / (1 + exp(-a->gate[i])));
}

void silu_gate_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_silu_gate_grad *a = args;
  for (size_t i = begin * LMN_BLOCK; i < lmn_min(end * LMN_BLOCK, a->count); i++) {
    const double gate = a->gate[i], s = 1 / (1 + exp(-gate));
    a->d_x[i] = (float)(a->d_gated[i] * gate * s);
    a->d_gate[i] = (float)((double)a->d_gated[i] * a->x[i] * s * (1 + gate * (1 - s)));
  }
}
