#include <math.h>
#include <string.h>

#include "isa/isa.h"
#include "kernels/units.h"

void lmn_token_attention_forward(lmn_context context, const lmn_token_attention *a) {
  lmn_share_out(context, context.isa->token_attention_forward, a, a->length,
                a->places * (2 * a->width + 16 * a->heads));
}

void lmn_token_attention_backward(lmn_context context, const lmn_token_attention_grad *a) {
  const size_t pair = 3 * a->width + 16 * a->heads;
  const size_t units = lmn_token_attention_units(a->length);
  lmn_share_out(context, context.isa->token_attention_backward_keys, a, units,
                LMN_TOKEN_ATTENTION_BLOCK * a->places * pair);
  // The pairs of the call above, divided by the number of tokens.
  lmn_share_out(context, context.isa->token_attention_backward_slots, a, a->tokens,
                lmn_units(a->length * a->places, a->tokens + 1) * pair);
  if (a->bias) {
    const lmn_row_sum sum = {units, a->places * a->heads, a->partial_bias, a->d_bias};
    lmn_row_sum_forward(context, &sum);
  }
}

size_t lmn_token_attention_units(size_t length) {
  return lmn_units(length, LMN_TOKEN_ATTENTION_BLOCK);
}

void lmn_token_attention_window(lmn_tree tree, int32_t *seen, int32_t *audience) {
  const lmn_tree_level tokens = lmn_tree_level_at(tree, 0);
  const size_t window = tree.shape.window;
  for (size_t t = 0; t < tree.length; t++)
    for (size_t i = 0; i < window; i++) {
      const size_t token = tokens.carried + t;
      *seen++ = token > i ? (int32_t)(token - i - 1) : -1;
    }
  for (size_t token = 0; token < tokens.count; token++) {
    // The first position that sees a carried token may be before the part.
    const size_t next = token + 1, last = next + window;
    *audience++ = (int32_t)(next > tokens.carried ? next - tokens.carried : 0);
    *audience++ =
        (int32_t)(last > tokens.carried ? lmn_min(last - tokens.carried, tree.length) : 0);
  }
}

void lmn_token_attention_pinned(const lmn_pinning *a) {
  const size_t p = a->count;
  int32_t *audience = a->audience;
  memset(audience, 0, 2 * (p + a->length) * sizeof *audience);
  for (size_t place = 0; place < p; place++) a->pinned[place] = (int64_t)place;
  for (size_t t = 0; t < a->length; t++) {
    size_t worst = 0;
    for (size_t place = 0; place < p; place++) {
      const float score = a->scores[a->pinned[place]];
      a->seen[t * p + place] = score == -INFINITY ? -1 : (int32_t)a->pinned[place];
      if (score < a->scores[a->pinned[worst]]) worst = place;
    }
    if (!(a->scores[p + t] > a->scores[a->pinned[worst]])) continue;
    audience[2 * a->pinned[worst] + 1] = (int32_t)(t + 1);
    a->pinned[worst] = (int64_t)(p + t);
    audience[2 * (p + t)] = (int32_t)(t + 1);
  }
  for (size_t place = 0; place < p; place++)
    audience[2 * a->pinned[place] + 1] = (int32_t)a->length;
  for (size_t place = 0; place < p; place++)
    if (a->scores[place] == -INFINITY) audience[2 * place + 1] = 0;
}
