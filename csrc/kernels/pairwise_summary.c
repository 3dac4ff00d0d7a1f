#include "isa/isa.h"
#include "kernels/pairwise_summary.h"

static size_t tile_grain(size_t pairs, size_t width) {
  return lmn_grain(2 * lmn_min(pairs, LMN_TILE_ROWS) * width * width);
}

// Levels follow each other, each a loop of its own: a node needs both its children finished.

void lmn_pairwise_summary_forward(lmn_context context, const lmn_pairwise_summary *a) {
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t i = 1; i <= map.levels; i++) {
    const pairwise_summary_level level = {a, lmn_tree_pairs(&map, i)};
    lmn_parallel_for(context, context.isa->pairwise_summary_forward, &level,
                     a->tree.banks * lmn_units(level.pairs.count, LMN_TILE_ROWS),
                     tile_grain(level.pairs.count, a->width));
  }
}

void lmn_pairwise_summary_backward(lmn_context context, const lmn_pairwise_summary_grad *a) {
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t i = map.levels; i > 0; i--) {
    const pairwise_summary_grad_level level = {a, lmn_tree_pairs(&map, i)};
    const size_t families = level.pairs.below_stride ? a->tree.banks : 1;
    lmn_parallel_for(context, context.isa->pairwise_summary_backward_nodes, &level,
                     families * lmn_units(level.pairs.count, LMN_TILE_ROWS),
                     tile_grain(level.pairs.count, a->width));
  }
  lmn_parallel_for(context, context.isa->pairwise_summary_backward_weight, a,
                   a->tree.banks * lmn_units(2 * a->width, LMN_TILE_ROWS),
                   lmn_grain(LMN_TILE_ROWS * a->width * a->tree.length));
}
