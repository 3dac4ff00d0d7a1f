#include "isa/isa.h"
#include "kernels/units.h"

void lmn_silu_gate_forward(lmn_context context, const lmn_silu_gate *a) {
  lmn_share_out(context, context.isa->silu_gate_forward, a, lmn_units(a->count, LMN_BLOCK),
                8 * LMN_BLOCK);
}

void lmn_silu_gate_backward(lmn_context context, const lmn_silu_gate_grad *a) {
  lmn_share_out(context, context.isa->silu_gate_backward, a, lmn_units(a->count, LMN_BLOCK),
                8 * LMN_BLOCK);
}
