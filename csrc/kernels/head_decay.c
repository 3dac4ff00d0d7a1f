#include "isa/isa.h"
#include "kernels/units.h"

void lmn_head_decay_forward(lmn_context context, const lmn_head_decay *a) {
  lmn_share_out(context, context.isa->head_decay_forward, a, a->rows, 64 * a->heads);
}

void lmn_head_decay_backward(lmn_context context, const lmn_head_decay_grad *a) {
  lmn_share_out(context, context.isa->head_decay_backward_x, a, a->rows, 64 * a->heads);
  lmn_share_out(context, context.isa->head_decay_backward_heads, a,
                lmn_units(a->heads, LMN_TILE_COLUMNS),
                2 * a->rows * lmn_min(a->heads, LMN_TILE_COLUMNS));
}
