// Kernels of linear-attention memories and their mixtures, from the router to the output.
#pragma once

#include "CLMN.h"
#include "outcome.h"

enum { MEMORIES = 4, ROUTED = 2, CHOICES = ROUTED + 1, SEGMENTS = MEMORIES + 1, TAPS = 4 };

/// Routing of L tokens, with the arrays of their groups.
typedef struct {
  int32_t *chosen, *offsets, *places;
  const float *weights;
  lmn_choices choices;
} mixture;

static mixture route(lmn_context context, size_t L, outcome *o) {
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
  return (mixture){chosen, offsets, places, weights, {L, CHOICES, ROUTED, places, weights}};
}

/// Products, convolution, feature map, decay and gate of the rows of all segments.
static void run_rows(lmn_context context, const mixture *m, size_t N, size_t E, size_t H,
                     outcome *o) {
  const float *x = random_values(o, 63, N * E, 1), *dy = random_values(o, 64, N * E, 1);
  const float *matrices = random_values(o, 65, SEGMENTS * E * E, 1);
  const float *biases = random_values(o, 66, SEGMENTS * E, 1);
  const float *taps = random_values(o, 67, TAPS * E, 1);
  const size_t before = SEGMENTS * (TAPS - 1) * E;
  const float *history = random_values(o, 68, before, 1), *d_next = random_values(o, 69, before, 1);
  OUT(grouped, N * E);
  OUT(d_matrices, SEGMENTS * E * E);
  OUT(sums, SEGMENTS * E);
  OUT(activated, N * E);
  OUT(next_history, before);
  OUT(d_x, N * E);
  OUT(d_taps, TAPS * E);
  OUT(d_history, before);
  lmn_grouped_matmul_forward(
      context, &(lmn_grouped_matmul){N, E, E, SEGMENTS, m->offsets, x, matrices, biases, grouped});
  lmn_grouped_matmul_backward_right(
      context, &(lmn_grouped_matmul_grad){N, E, E, SEGMENTS, m->offsets, x, dy, d_matrices});
  lmn_grouped_row_sum_forward(context, &(lmn_grouped_row_sum){N, E, SEGMENTS, m->offsets, x, sums});
  const lmn_short_conv conv = {N, E,    TAPS,    SEGMENTS,  m->offsets,
                               x, taps, history, activated, next_history};
  lmn_short_conv_forward(context, &conv);
  lmn_short_conv_backward(context,
                          &(lmn_short_conv_grad){conv, dy, d_next, d_x, d_taps, d_history});
  for (int kind = LMN_FEATURE_IDENTITY; kind <= LMN_FEATURE_ELU; kind++) {
    OUT(features, N * E);
    OUT(d_features, N * E);
    lmn_feature_map_forward(
        context, &(lmn_feature_map){N * H, E / H, (lmn_feature_kind)kind, kind != LMN_FEATURE_ELU,
                                    0.5f, 1e-6f, x, features});
    lmn_feature_map_backward(
        context, &(lmn_feature_map_grad){N * H, E / H, (lmn_feature_kind)kind,
                                         kind != LMN_FEATURE_ELU, 0.5f, 1e-6f, x, dy, d_features});
  }
  OUT(gated, N * E);
  OUT(d_ungated, N * E);
  OUT(d_gate, N * E);
  lmn_silu_gate_forward(context, &(lmn_silu_gate){N * E, x, dy, gated});
  lmn_silu_gate_backward(context, &(lmn_silu_gate_grad){N * E, x, dy, grouped, d_ungated, d_gate});
  OUT(decay, N * H);
  OUT(d_decay_x, N * H);
  OUT(d_log_rate, H);
  OUT(d_decay_bias, H);
  lmn_head_decay_forward(context, &(lmn_head_decay){N, H, x, biases, biases + H, decay});
  lmn_head_decay_backward(context, &(lmn_head_decay_grad){N, H, x, biases, biases + H, decay, dy,
                                                          d_decay_x, d_log_rate, d_decay_bias});
}

/// A recurrence with or without a delta rule, and without decays, with one per head or per row of
/// the states (width E / H): forward, backward and a step of 4 streams.
static void run_recurrence(lmn_context context, const mixture *m, size_t N, size_t E, size_t H,
                           bool has_beta, size_t decay_width, outcome *o) {
  const size_t d = E / H, states = SEGMENTS * H * d * d, streams = 4;
  // Keys are shorter than 1, so that the delta rule does not grow.
  const float *q = random_values(o, 70, N * E, 1);
  const float *k = random_values(o, 71, N * E, 1 / sqrtf((float)d));
  const float *v = random_values(o, 72, N * E, 1), *d_output = random_values(o, 73, N * E, 1);
  float *beta = random_values(o, 74, N * H, 0.5f), *decay = random_values(o, 75, N * E, 1);
  for (size_t i = 0; i < N * H; i++) beta[i] += 0.5f;
  for (size_t i = 0; i < N * E; i++) decay[i] = -fabsf(decay[i]);
  const float *state = random_values(o, 76, states, 1), *d_next = random_values(o, 77, states, 1);
  OUT(recalled, N * E);
  OUT(next_state, states);
  OUT(d_queries, N * E);
  OUT(d_keys, N * E);
  OUT(d_values, N * E);
  OUT(d_state, states);
  lmn_linear_recurrence forward = {
      .rows = N,
      .heads = H,
      .key_width = d,
      .value_width = d,
      .decay_width = decay_width ? decay_width : 1,
      .chunk = decay_width > 1 ? 16 : 32,
      .segments = SEGMENTS,
      .offsets = m->offsets,
      .queries = q,
      .keys = k,
      .values = v,
      .beta = has_beta ? beta : NULL,
      .decay = decay_width ? decay : NULL,
      .state = state,
      .next_state = next_state,
      .output = recalled,
      .errors = unwritten(o, N * E),
  };
  forward.chunk_states = unwritten(o, lmn_linear_recurrence_chunks(&forward) * H * d * d);
  lmn_linear_recurrence_forward(context, &forward);
  lmn_linear_recurrence_grad grad = {forward,  d_output,          d_next, d_queries, d_keys,
                                     d_values, .d_state = d_state};
  if (has_beta) grad.d_beta = add_result(o, "d_beta", unwritten(o, N * H), N * H);
  const size_t decays = N * H * decay_width;
  if (decay_width) grad.d_decay = add_result(o, "d_decay", unwritten(o, decays), decays);
  lmn_linear_recurrence_backward(context, &grad);

  int32_t *places = allocate(o, streams * CHOICES * sizeof *places);
  for (size_t i = 0; i < streams * CHOICES; i++) places[i] = (int32_t)i;
  const lmn_stream_choices choices = {streams, SEGMENTS, CHOICES, ROUTED, m->chosen, places};
  IN_OUT(stream_states, random_values(o, 78, streams * states, 1), streams * states);
  OUT(stepped_recurrence, streams * CHOICES * E);
  lmn_linear_recurrence_step_forward(
      context,
      &(lmn_linear_recurrence_step){choices, H, d, d, forward.decay_width, q, k, v, forward.beta,
                                    forward.decay, stream_states, stepped_recurrence});
  const size_t before = streams * SEGMENTS * (TAPS - 1) * E;
  IN_OUT(stream_history, random_values(o, 79, before, 1), before);
  OUT(stepped_conv, streams * CHOICES * E);
  lmn_short_conv_step_forward(
      context, &(lmn_short_conv_step){choices, E, TAPS, q, v, stream_history, stepped_conv});
}

/// Everything, for L tokens; at least 4.
static void run_linear_memories(lmn_context context, size_t L, size_t E, size_t H, outcome *o) {
  const size_t N = L * CHOICES;
  const mixture m = route(context, L, o);
  const float *tokens = random_values(o, 80, L * E, 1), *d_tokens = random_values(o, 81, L * E, 1);
  OUT(dispatched, N * E);
  OUT(combined, L * E);
  OUT(d_choice_weights, L * ROUTED);
  lmn_dispatch_forward(context, &(lmn_dispatch){m.choices, E, tokens, dispatched});
  lmn_combine_forward(context, &(lmn_combine){m.choices, E, dispatched, combined});
  lmn_combine_backward(context,
                       &(lmn_combine_grad){m.choices, E, dispatched, d_tokens, d_choice_weights});
  run_rows(context, &m, N, E, H, o);
  run_recurrence(context, &m, N, E, H, false, 0, o);
  run_recurrence(context, &m, N, E, H, false, E / H, o);
  run_recurrence(context, &m, N, E, H, true, 0, o);
  run_recurrence(context, &m, N, E, H, true, 1, o);
}
