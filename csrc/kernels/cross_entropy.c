#include "isa/isa.h"
#include "kernels/units.h"

void lmn_cross_entropy_forward(lmn_context context, const lmn_cross_entropy *a) {
  lmn_share_out(context, context.isa->cross_entropy_forward, a, a->rows, 8 * a->vocabulary);
}

void lmn_cross_entropy_backward(lmn_context context, const lmn_cross_entropy_grad *a) {
  lmn_share_out(context, context.isa->cross_entropy_backward, a, a->rows, 8 * a->vocabulary);
}
