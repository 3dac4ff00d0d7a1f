#include "isa/isa.h"
#include "kernels/units.h"

void lmn_discretization_forward(lmn_context context, const lmn_discretization *a) {
  lmn_share_out(context, context.isa->discretization_forward, a, a->width, 16 * a->states);
}

void lmn_discretization_backward(lmn_context context, const lmn_discretization_grad *a) {
  lmn_share_out(context, context.isa->discretization_backward, a, a->width, 32 * a->states);
}
