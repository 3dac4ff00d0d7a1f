#include "isa/isa.h"
#include "kernels/units.h"

void lmn_router_forward(lmn_context context, const lmn_router *a) {
  lmn_share_out(context, context.isa->router_forward, a, a->rows, (16 + a->routed) * a->memories);
}

void lmn_router_backward(lmn_context context, const lmn_router_grad *a) {
  lmn_share_out(context, context.isa->router_backward, a, a->rows, 8 * a->memories);
}

void lmn_router_balance_forward(lmn_context context, const lmn_router_balance *a) {
  lmn_share_out(context, context.isa->router_balance_forward, a, a->memories,
                a->rows * (1 + a->routed));
}

void lmn_router_balance_backward(lmn_context context, const lmn_router_balance_grad *a) {
  lmn_share_out(context, context.isa->router_balance_backward, a, a->rows, 4 * a->memories);
}
