#include "isa/isa.h"
#include "kernels/units.h"

void lmn_dispatch_forward(lmn_context context, const lmn_dispatch *a) {
  lmn_share_out(context, context.isa->dispatch_forward, a, a->choices.rows,
                2 * a->choices.choices * a->width);
}

void lmn_combine_forward(lmn_context context, const lmn_combine *a) {
  lmn_share_out(context, context.isa->combine_forward, a, a->choices.rows,
                2 * a->choices.choices * a->width);
}

void lmn_combine_backward(lmn_context context, const lmn_combine_grad *a) {
  lmn_share_out(context, context.isa->combine_backward, a, a->choices.rows,
                2 * a->choices.choices * a->width);
}
