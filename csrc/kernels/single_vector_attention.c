#include "isa/isa.h"
#include "kernels/single_vector_attention.h"

void lmn_single_vector_attention_forward(lmn_context context,
                                         const lmn_single_vector_attention *a) {
  lmn_parallel_for(context, context.isa->single_vector_attention_forward, a, a->tree.length, 16);
}

void lmn_single_vector_attention_step_forward(lmn_context context,
                                              const lmn_single_vector_attention_step *a) {
  lmn_parallel_for(context, context.isa->single_vector_attention_step_forward, a, a->streams, 4);
}

// The nodes of one level have equally many positions to gather from, those of another level twice
// or half as many: a loop per level shares the work evenly.
void lmn_single_vector_attention_backward(lmn_context context,
                                          const lmn_single_vector_attention_grad *a) {
  lmn_parallel_for(context, context.isa->single_vector_attention_backward_keys, a, a->tree.length,
                   16);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t i = 0; i <= map.levels; i++) {
    const single_vector_attention_grad_level level = {a, i, i ? a->tree.banks : 1};
    lmn_parallel_for(context, context.isa->single_vector_attention_backward_slots, &level,
                     level.banks * map.level[i].count, 1 + (64 >> (i < 6 ? i : 6)));
  }
}
