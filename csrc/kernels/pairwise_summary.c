#include "isa/isa.h"
#include "kernels/units.h"

void lmn_pairwise_summary_forward(lmn_context context, const lmn_pairwise_summary *a) {
  lmn_tree_ascend(context, context.isa->pairwise_summary_forward, a, a->tree,
                  2 * a->width * a->width);
}

void lmn_pairwise_summary_pairs_forward(lmn_context context, const lmn_pairwise_summary *a,
                                        lmn_pairs pairs) {
  lmn_tree_summarize(context, context.isa->pairwise_summary_forward, a, a->tree.banks, pairs,
                     2 * a->width * a->width);
}

void lmn_pairwise_summary_backward(lmn_context context, const lmn_pairwise_summary_grad *a) {
  lmn_tree_descend(context, context.isa->pairwise_summary_backward_nodes, a, a->tree,
                   2 * a->width * a->width);
  lmn_share_out(context, context.isa->pairwise_summary_backward_weight, a,
                a->tree.banks * lmn_units(2 * a->width, LMN_TILE_ROWS),
                LMN_TILE_ROWS * a->width * a->tree.length);
}
