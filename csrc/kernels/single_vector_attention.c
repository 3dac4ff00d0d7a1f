#include "isa/isa.h"
#include "kernels/single_vector_attention.h"

/// What a position costs that sees so many slots: a few vectors of arithmetic for each.
static size_t position_grain(size_t slots, size_t width) {
  return lmn_grain(16 * slots * (8 + width));
}

static size_t most_slots(lmn_tree tree) { return 1 + tree.banks * lmn_tree_levels(tree); }

void lmn_single_vector_attention_forward(lmn_context context,
                                         const lmn_single_vector_attention *a) {
  lmn_parallel_for(context, context.isa->single_vector_attention_forward, a, a->tree.length,
                   position_grain(most_slots(a->tree), a->width));
}

void lmn_single_vector_attention_step_forward(lmn_context context,
                                              const lmn_single_vector_attention_step *a) {
  lmn_parallel_for(context, context.isa->single_vector_attention_step_forward, a, a->streams,
                   position_grain(a->streams ? a->counts[0] : 0, a->width));
}

// The nodes of one level have equally many positions to gather from, those of another level twice
// or half as many: a loop per level shares the work evenly.
void lmn_single_vector_attention_backward(lmn_context context,
                                          const lmn_single_vector_attention_grad *a) {
  lmn_parallel_for(context, context.isa->single_vector_attention_backward_keys, a, a->tree.length,
                   position_grain(most_slots(a->tree), a->width));
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t i = 0; i <= map.levels; i++) {
    const single_vector_attention_grad_level level = {a, i};
    const size_t banks = i ? a->tree.banks : 1;
    lmn_parallel_for(context, context.isa->single_vector_attention_backward_slots, &level,
                     banks * map.level[i].count,
                     position_grain(lmn_min((size_t)1 << i, a->tree.length), a->width));
  }
}
