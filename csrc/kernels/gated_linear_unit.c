#include "isa/isa.h"
#include "kernels/units.h"

void lmn_gated_linear_unit_forward(lmn_context context, const lmn_gated_linear_unit *a) {
  lmn_share_out(context, context.isa->gated_linear_unit_forward, a, a->rows, 8 * a->width);
}

void lmn_gated_linear_unit_backward(lmn_context context, const lmn_gated_linear_unit_grad *a) {
  lmn_share_out(context, context.isa->gated_linear_unit_backward, a, a->rows, 8 * a->width);
}
