#include "kernels/causal_attention.h"

#include "isa/isa.h"

/// Largest number of tokens that a token attends to.
static size_t most_seen(size_t before, size_t length, size_t window) {
  return lmn_min(before + length - 1, window) + 1;
}

void lmn_causal_attention_forward(lmn_context context, const lmn_causal_attention *a) {
  const size_t queries = lmn_min(a->length, LMN_QUERY_BLOCK);
  const size_t pair = 2 * a->width / a->heads + 16;
  if (a->length == 0) return;
  lmn_share_out(context, context.isa->causal_attention_forward, a,
                a->heads * lmn_units(a->length, LMN_QUERY_BLOCK),
                queries * most_seen(a->before, a->length, a->window) * pair / 2);
}

void lmn_causal_attention_backward(lmn_context context, const lmn_causal_attention_grad *a) {
  const size_t pair = 5 * a->width / a->heads + 16;
  if (a->length == 0) return;
  lmn_share_out(context, context.isa->causal_attention_backward, a, a->heads,
                a->length * most_seen(a->before, a->length, a->window) * pair / 2);
}

void lmn_causal_attention_step_forward(lmn_context context, const lmn_causal_attention_step *a) {
  size_t seen = 0;
  for (size_t b = 0; b < a->streams; b++) seen += lmn_tokens_seen(a->window, a->positions[b]);
  // Reading a value of the cache costs about 4 multiply-adds.
  lmn_share_out(context, context.isa->causal_attention_step_forward, a, a->streams * a->heads,
                seen * 8 * a->width / (a->streams * a->heads + !a->streams));
}
