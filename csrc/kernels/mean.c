#include "isa/isa.h"
#include "kernels/units.h"

void lmn_mean_forward(lmn_context context, const lmn_mean *a) {
  lmn_share_out(context, context.isa->mean_forward, a, a->rows, a->columns);
}

void lmn_mean_backward(lmn_context context, const lmn_mean_grad *a) {
  lmn_share_out(context, context.isa->mean_backward, a, a->rows, a->columns);
}
