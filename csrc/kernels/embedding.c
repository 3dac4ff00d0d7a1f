#include "isa/isa.h"
#include "kernels/units.h"

void lmn_embedding_forward(lmn_context context, const lmn_embedding *a) {
  lmn_share_out(context, context.isa->embedding_forward, a, a->rows, a->width);
}

void lmn_embedding_backward(lmn_context context, const lmn_embedding_grad *a) {
  lmn_share_out(context, context.isa->embedding_backward, a, lmn_units(a->width, LMN_TILE_COLUMNS),
                8 * (a->rows + a->vocabulary));
}
