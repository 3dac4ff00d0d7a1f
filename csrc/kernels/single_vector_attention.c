#include "isa/isa.h"
#include "kernels/single_vector_attention.h"

static size_t most_slots(lmn_tree tree) { return 1 + tree.banks * lmn_tree_levels(tree); }

void lmn_single_vector_attention_forward(lmn_context context,
                                         const lmn_single_vector_attention *a) {
  // Multiply-adds of a pair of slot and position, and its exponentials.
  const size_t pair = 2 * a->width + 16 * a->heads;
  lmn_share_out(context, context.isa->single_vector_attention_forward, a,
                lmn_position_units(a->tree, LMN_ATTENTION_BLOCK),
                LMN_ATTENTION_BLOCK * most_slots(a->tree) * pair);
}

void lmn_single_vector_attention_step_forward(lmn_context context,
                                              const lmn_single_vector_attention_step *a) {
  const size_t pair = 2 * a->width + 16 * a->heads;
  lmn_share_out(context, context.isa->single_vector_attention_step_forward, a, a->streams,
                a->streams ? a->counts[0] * pair : 0);
}

size_t lmn_single_vector_attention_partial_rows(lmn_tree tree) {
  return lmn_position_units(tree, LMN_ATTENTION_STRETCH) *
         lmn_attention_upper_levels(lmn_tree_levels(tree)) * tree.banks;
}

void lmn_single_vector_attention_backward(lmn_context context,
                                          const lmn_single_vector_attention_grad *a) {
  const size_t pair = 5 * a->width + 16 * a->heads;
  const size_t units = lmn_position_units(a->tree, LMN_ATTENTION_STRETCH);
  lmn_share_out(context, context.isa->single_vector_attention_backward, a, units,
                LMN_ATTENTION_STRETCH * most_slots(a->tree) * pair);
  lmn_share_out(context, context.isa->single_vector_attention_backward_upper, a,
                lmn_attention_upper_levels(lmn_tree_levels(a->tree)) * a->tree.banks,
                units * 2 * a->width);
}
