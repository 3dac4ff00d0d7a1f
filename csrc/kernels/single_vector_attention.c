#include "isa/isa.h"
#include "kernels/single_vector_attention.h"

/// Largest number of slots that a position sees.
static size_t most_slots(const lmn_attention_map *map) {
  const lmn_tree_shape shape = map->tree.tree.shape;
  size_t slots = lmn_attention_places(shape, 0);
  for (size_t i = 1; i <= map->tree.levels; i++)
    slots += shape.banks * lmn_attention_places(shape, i) * map->tree.level[i].slots;
  return slots;
}

void lmn_single_vector_attention_forward(lmn_context context,
                                         const lmn_single_vector_attention *a) {
  const lmn_attention_map map = lmn_attention_map_of(a->tree);
  // Multiply-adds of a pair of slot and position, and exponentials in units of them.
  const size_t pair = 2 * a->width + 16 * a->heads;
  lmn_share_out(context, context.isa->single_vector_attention_forward, a,
                lmn_position_units(a->tree, LMN_ATTENTION_BLOCK),
                LMN_ATTENTION_BLOCK * most_slots(&map) * pair);
}

void lmn_single_vector_attention_step_forward(lmn_context context,
                                              const lmn_single_vector_attention_step *a) {
  const size_t pair = 2 * a->width + 16 * a->heads;
  lmn_share_out(context, context.isa->single_vector_attention_step_forward, a, a->streams,
                a->streams ? a->counts[0] * pair : 0);
}

size_t lmn_single_vector_attention_units(lmn_tree tree) {
  return lmn_position_units(tree, lmn_attention_map_of(tree).chunk);
}

size_t lmn_single_vector_attention_partial_rows(lmn_tree tree) {
  const lmn_attention_map map = lmn_attention_map_of(tree);
  return lmn_position_units(tree, map.chunk) * lmn_attention_unit_rows(&map);
}

void lmn_single_vector_attention_backward(lmn_context context,
                                          const lmn_single_vector_attention_grad *a) {
  const lmn_attention_map map = lmn_attention_map_of(a->tree);
  const size_t pair = 5 * a->width + 16 * a->heads;
  const size_t units = lmn_position_units(a->tree, map.chunk);
  lmn_share_out(context, context.isa->single_vector_attention_backward, a, units,
                map.chunk * most_slots(&map) * pair);
  if (map.owned_levels <= map.tree.levels)
    lmn_share_out(context, context.isa->single_vector_attention_backward_upper, a,
                  (map.tree.levels + 1 - map.owned_levels) * a->tree.shape.banks,
                  units * 2 * a->width);
  if (a->bias) {
    const lmn_row_sum sum = {units, (a->tree.shape.maximum_levels + 1) * a->heads, a->partial_bias,
                             a->d_bias};
    lmn_row_sum_forward(context, &sum);
  }
}
