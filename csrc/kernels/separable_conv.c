#include "isa/isa.h"
#include "kernels/units.h"

void lmn_separable_conv_forward(lmn_context context, const lmn_separable_conv *a) {
  lmn_tree_ascend(context, context.isa->separable_conv_forward, a, a->tree, a->width * a->width);
}

void lmn_separable_conv_pairs_forward(lmn_context context, const lmn_separable_conv *a,
                                      lmn_pairs pairs) {
  lmn_tree_summarize(context, context.isa->separable_conv_forward, a, a->tree.banks, pairs,
                     a->width * a->width);
}

void lmn_separable_conv_backward(lmn_context context, const lmn_separable_conv_grad *a) {
  lmn_tree_descend(context, context.isa->separable_conv_backward_nodes, a, a->tree,
                   a->width * a->width);
  lmn_share_out(context, context.isa->separable_conv_backward_taps, a,
                a->tree.banks * lmn_units(a->width, LMN_TILE_COLUMNS), 16 * a->tree.length);
  lmn_share_out(context, context.isa->separable_conv_backward_pointwise, a,
                a->tree.banks * lmn_units(a->width, LMN_TILE_ROWS),
                LMN_TILE_ROWS * a->width * a->tree.length);
}
