// Feature maps, decays and linear recurrences.
#include <math.h>

#include "topics.h"

enum { STREAMS = 4 };

/// Of the keys of all memories.
static void run_features(lmn_context context, size_t N, size_t E, size_t H, outcome *o) {
  const float *x = random_values(o, 63, N * E, 1), *dy = random_values(o, 64, N * E, 1);
  const float *biases = random_values(o, 66, 2 * H, 1);
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
  OUT(decay, N * H);
  OUT(d_decay_x, N * H);
  OUT(d_log_rate, H);
  OUT(d_decay_bias, H);
  lmn_head_decay_forward(context, &(lmn_head_decay){N, H, x, biases, biases + H, decay});
  lmn_head_decay_backward(context, &(lmn_head_decay_grad){N, H, x, biases, biases + H, decay, dy,
                                                          d_decay_x, d_log_rate, d_decay_bias});
}

/// A recurrence with or without a delta rule, and without decays, with one per head or per row of
/// the states (width E / H): forward, backward and a step of streams.
static void run_recurrence(lmn_context context, const mixture *m, size_t N, size_t E, size_t H,
                           bool has_beta, size_t decay_width, outcome *o) {
  const size_t d = E / H, states = SEGMENTS * H * d * d;
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

  const lmn_stream_choices choices = stream_choices(m, STREAMS, o);
  IN_OUT(stream_states, random_values(o, 78, STREAMS * states, 1), STREAMS * states);
  OUT(stepped_recurrence, STREAMS * CHOICES * E);
  lmn_linear_recurrence_step_forward(
      context,
      &(lmn_linear_recurrence_step){choices, H, d, d, forward.decay_width, q, k, v, forward.beta,
                                    forward.decay, stream_states, stepped_recurrence});
}

/// Of the rows of all memories.
void run_linear_recurrence(lmn_context context, const computation *c, const mixture *m,
                           outcome *o) {
  const size_t E = c->width, H = c->heads, N = c->length * CHOICES;
  run_features(context, N, E, H, o);
  run_recurrence(context, m, N, E, H, false, 0, o);
  run_recurrence(context, m, N, E, H, false, E / H, o);
  run_recurrence(context, m, N, E, H, true, 0, o);
  run_recurrence(context, m, N, E, H, true, 1, o);
}
