#include "isa/isa.h"
#include "kernels/separable_conv.h"

static size_t tile_grain(size_t pairs, size_t width) {
  return lmn_grain(lmn_min(pairs, LMN_TILE_ROWS) * width * width);
}

// Levels follow each other, each a loop of its own: a node needs both its children finished.

void lmn_separable_conv_forward(lmn_context context, const lmn_separable_conv *a) {
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t i = 1; i <= map.levels; i++) {
    const separable_conv_level level = {a, lmn_tree_pairs(&map, i)};
    lmn_parallel_for(context, context.isa->separable_conv_forward, &level,
                     a->tree.banks * lmn_units(level.pairs.count, LMN_TILE_ROWS),
                     tile_grain(level.pairs.count, a->width));
  }
}

void lmn_separable_conv_backward(lmn_context context, const lmn_separable_conv_grad *a) {
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t i = map.levels; i > 0; i--) {
    const separable_conv_grad_level level = {a, lmn_tree_pairs(&map, i)};
    const size_t families = level.pairs.below_stride ? a->tree.banks : 1;
    lmn_parallel_for(context, context.isa->separable_conv_backward_nodes, &level,
                     families * lmn_units(level.pairs.count, LMN_TILE_ROWS),
                     tile_grain(level.pairs.count, a->width));
  }
  lmn_parallel_for(context, context.isa->separable_conv_backward_taps, a,
                   a->tree.banks * lmn_units(a->width, LMN_TILE_COLUMNS),
                   lmn_grain(16 * a->tree.length));
  lmn_parallel_for(context, context.isa->separable_conv_backward_pointwise, a,
                   a->tree.banks * lmn_units(a->width, LMN_TILE_ROWS),
                   lmn_grain(LMN_TILE_ROWS * a->width * a->tree.length));
}
