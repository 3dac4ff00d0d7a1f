#include "kernels/segment_attention.h"

#include "isa/isa.h"

void lmn_segment_attention_forward(lmn_context context, const lmn_segment_attention *a) {
  const size_t queries = lmn_min(lmn_min(a->length, a->segment), LMN_QUERY_BLOCK);
  const size_t pair = 2 * a->width / a->heads + 16;
  const size_t blocks = lmn_units(a->segment, LMN_QUERY_BLOCK);
  if (a->length == 0) return;
  lmn_share_out(context, context.isa->segment_attention_forward, a,
                a->heads * lmn_segments(a->before, a->length, a->segment) * blocks,
                queries * (a->slots + a->segment) * pair);
}

void lmn_segment_attention_backward(lmn_context context, const lmn_segment_attention_grad *a) {
  const size_t pair = 5 * a->width / a->heads + 16;
  lmn_share_out(context, context.isa->segment_attention_backward, a, a->heads,
                a->length * (a->slots + a->segment) * pair);
}

void lmn_segment_attention_step_forward(lmn_context context, const lmn_segment_attention_step *a) {
  // Reading a value of the cache costs about 4 multiply-adds.
  lmn_share_out(context, context.isa->segment_attention_step_forward, a, a->streams * a->heads,
                (a->slots + a->segment / 2) * 8 * a->width / a->heads);
}
