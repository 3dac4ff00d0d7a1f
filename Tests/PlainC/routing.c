// Routers, grouping of tokens by memory, and products per memory.
#include "topics.h"

mixture route(lmn_context context, size_t L, outcome *o) {
  const float *logits = random_values(o, 60, L * MEMORIES, 1);
  const float *d_terms = random_values(o, 61, MEMORIES, 1);
  const float *d_weights = random_values(o, 62, L * ROUTED, 1);
  OUT(probabilities, L * MEMORIES);
  OUT(weights, L * ROUTED);
  OUT(d_logits, L * MEMORIES);
  OUT(shares, MEMORIES);
  OUT(terms, MEMORIES);
  OUT(d_logits_of_balance, L * MEMORIES);
  int32_t *chosen = allocate(o, L * ROUTED * sizeof *chosen);
  int32_t *offsets = allocate(o, (SEGMENTS + 1) * sizeof *offsets);
  int32_t *places = allocate(o, L * CHOICES * sizeof *places);
  lmn_router_forward(context,
                     &(lmn_router){L, MEMORIES, ROUTED, logits, probabilities, chosen, weights});
  lmn_router_backward(
      context, &(lmn_router_grad){L, MEMORIES, ROUTED, chosen, weights, d_weights, d_logits});
  lmn_router_balance_forward(
      context, &(lmn_router_balance){L, MEMORIES, ROUTED, chosen, probabilities, shares, terms});
  lmn_router_balance_backward(
      context,
      &(lmn_router_balance_grad){L, MEMORIES, probabilities, shares, d_terms, d_logits_of_balance});
  lmn_group_tokens(&(lmn_grouping){L, MEMORIES, ROUTED, true, chosen, offsets, places});
  return (mixture){chosen, offsets, {L, CHOICES, ROUTED, places, weights}};
}

lmn_stream_choices stream_choices(const mixture *m, size_t streams, outcome *o) {
  int32_t *places = allocate(o, streams * CHOICES * sizeof *places);
  for (size_t i = 0; i < streams * CHOICES; i++) places[i] = (int32_t)i;
  return (lmn_stream_choices){streams, SEGMENTS, CHOICES, ROUTED, m->chosen, places};
}

/// Of L tokens; and of the rows of all memories.
void run_routing(lmn_context context, const computation *c, const mixture *m, outcome *o) {
  const size_t L = c->length, E = c->width, N = L * CHOICES;
  const float *tokens = random_values(o, 80, L * E, 1), *d_tokens = random_values(o, 81, L * E, 1);
  OUT(dispatched, N * E);
  OUT(combined, L * E);
  OUT(d_choice_weights, L * ROUTED);
  lmn_dispatch_forward(context, &(lmn_dispatch){m->choices, E, tokens, dispatched});
  lmn_combine_forward(context, &(lmn_combine){m->choices, E, dispatched, combined});
  lmn_combine_backward(context,
                       &(lmn_combine_grad){m->choices, E, dispatched, d_tokens, d_choice_weights});

  const float *x = random_values(o, 63, N * E, 1), *dy = random_values(o, 64, N * E, 1);
  const float *matrices = random_values(o, 65, SEGMENTS * E * E, 1);
  const float *biases = random_values(o, 66, SEGMENTS * E, 1);
  OUT(grouped, N * E);
  OUT(d_matrices, SEGMENTS * E * E);
  OUT(sums, SEGMENTS * E);
  lmn_grouped_matmul_forward(
      context, &(lmn_grouped_matmul){N, E, E, SEGMENTS, m->offsets, x, matrices, biases, grouped});
  lmn_grouped_matmul_backward_right(
      context, &(lmn_grouped_matmul_grad){N, E, E, SEGMENTS, m->offsets, x, dy, d_matrices});
  lmn_grouped_row_sum_forward(context, &(lmn_grouped_row_sum){N, E, SEGMENTS, m->offsets, x, sums});
}
