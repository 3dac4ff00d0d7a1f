#include "isa/isa.h"
#include "kernels/units.h"

void lmn_embedding_bag_forward(lmn_context context, const lmn_embedding_bag *a) {
  const size_t ids = (size_t)a->offsets[a->bags];
  lmn_share_out(context, context.isa->embedding_bag_forward, a, a->bags,
                ids * a->width / (a->bags + 1));
}

void lmn_embedding_bag_backward(lmn_context context, const lmn_embedding_bag_grad *a) {
  lmn_share_out(context, context.isa->embedding_bag_backward, a,
                lmn_units(a->width, LMN_TILE_COLUMNS),
                8 * ((size_t)a->offsets[a->bags] + a->vocabulary));
}
