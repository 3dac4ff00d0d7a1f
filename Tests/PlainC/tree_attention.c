// Attention over a tree, a window and pinned tokens.
#include <math.h>

#include "topics.h"

/// Attention over the tree, then over the window and over pinned tokens, all forward before all
/// backward, as a network runs them.
void run_tree_attention(lmn_context context, const computation *c, outcome *o) {
  const lmn_tree tree = {.start = c->start, .length = c->length, .shape = c->shape};
  const size_t L = c->length, E = c->width, H = c->heads, N = lmn_tree_rows(tree);
  const size_t levels = c->shape.maximum_levels + 1, P = c->pinned, window = c->shape.window;
  const float *slots = random_values(o, 15, N * 2 * E, 1), *keys = random_values(o, 16, L * E, 1);
  const float *bias = c->biases ? random_values(o, 17, levels * H, 1) : NULL;
  const float *window_bias = c->biases && window ? random_values(o, 22, window * H, 1) : NULL;
  OUT(output, L * E);
  OUT(log_normalizer, L * H);
  lmn_single_vector_attention_forward(
      context,
      &(lmn_single_vector_attention){tree, E, H, slots, keys, bias, output, log_normalizer});

  const size_t seen_tokens = lmn_tree_level_at(tree, 0).count, pinned_tokens = P + L;
  int32_t *rows = allocate(o, (seen_tokens + pinned_tokens) * sizeof *rows);
  for (size_t i = 0; i < seen_tokens + pinned_tokens; i++) rows[i] = (int32_t)i;
  int32_t *window_seen = NULL, *window_audience = NULL, *pinned_seen = NULL,
          *pinned_audience = NULL;
  const float *gates = NULL;
  if (window) {
    window_seen = allocate(o, L * window * sizeof *rows);
    window_audience = allocate(o, 2 * seen_tokens * sizeof *rows);
    lmn_token_attention_window(tree, window_seen, window_audience);
    lmn_token_attention_forward(
        context, &(lmn_token_attention){L, E, H, seen_tokens, window, rows, window_seen, slots,
                                        NULL, window_bias, keys, output, log_normalizer});
  }
  if (P) {
    float *scores = random_values(o, 18, pinned_tokens, 1);
    for (size_t i = 0; i < P && c->start == 0; i++) scores[i] = -INFINITY;
    pinned_seen = allocate(o, L * P * sizeof *rows);
    pinned_audience = allocate(o, 2 * pinned_tokens * sizeof *rows);
    int64_t *pinned = allocate(o, P * sizeof *pinned);
    lmn_token_attention_pinned(&(lmn_pinning){L, P, scores, pinned_seen, pinned_audience, pinned});
    gates = random_values(o, 19, pinned_tokens, 1);
    lmn_token_attention_forward(
        context, &(lmn_token_attention){L, E, H, pinned_tokens, P, rows, pinned_seen, slots, gates,
                                        NULL, keys, output, log_normalizer});
  }

  const float *d_output = random_values(o, 20, L * E, 1);
  OUT(d_keys, L * E);
  OUT(d_slots, N * 2 * E);
  float *d_bias = NULL, *partial = NULL, *partial_bias = NULL;
  const size_t partial_rows = lmn_single_vector_attention_partial_rows(tree);
  if (partial_rows) partial = unwritten(o, partial_rows * 2 * E);
  if (bias) {
    d_bias = add_result(o, "d_level_bias", unwritten(o, levels * H), levels * H);
    partial_bias = unwritten(o, lmn_single_vector_attention_units(tree) * levels * H);
  }
  lmn_single_vector_attention_backward(
      context, &(lmn_single_vector_attention_grad){tree, E, H, slots, keys, bias, output,
                                                   log_normalizer, d_output, d_keys, d_slots,
                                                   partial, d_bias, partial_bias});
  if (window) {
    float *d_window_bias = NULL, *partial_window_bias = NULL;
    if (window_bias) {
      d_window_bias = add_result(o, "d_window_bias", unwritten(o, window * H), window * H);
      partial_window_bias = unwritten(o, lmn_token_attention_units(L) * window * H);
    }
    lmn_token_attention_backward(context, &(lmn_token_attention_grad){L,
                                                                      E,
                                                                      H,
                                                                      seen_tokens,
                                                                      window,
                                                                      rows,
                                                                      window_seen,
                                                                      window_audience,
                                                                      slots,
                                                                      NULL,
                                                                      window_bias,
                                                                      keys,
                                                                      output,
                                                                      log_normalizer,
                                                                      d_output,
                                                                      d_keys,
                                                                      d_slots,
                                                                      NULL,
                                                                      d_window_bias,
                                                                      partial_window_bias});
  }
  if (P) {
    OUT(d_gates, pinned_tokens);
    lmn_token_attention_backward(context, &(lmn_token_attention_grad){L,           E,
                                                                      H,           pinned_tokens,
                                                                      P,           rows,
                                                                      pinned_seen, pinned_audience,
                                                                      slots,       gates,
                                                                      NULL,        keys,
                                                                      output,      log_normalizer,
                                                                      d_output,    d_keys,
                                                                      d_slots,     d_gates,
                                                                      NULL,        NULL});
  }

  // Decode steps: one slot, less than a tile, more than a block of slots.
  const float *step_biases = random_values(o, 21, 77 * H, 1);
  const float *tables[] = {slots, slots, slots};
  const float *biases_of[] = {step_biases, step_biases, step_biases};
  const size_t counts[] = {1, 6, 77};
  OUT(stepped, 3 * E);
  lmn_single_vector_attention_step_forward(
      context, &(lmn_single_vector_attention_step){3, E, H, tables, bias ? biases_of : NULL, counts,
                                                   keys, stepped});
}
