// Runs every kernel from C alone, on every available instruction set: results agree with the
// reference and have the same bits on 1 and 4 threads. Under an emulator this tests the kernels of
// other processors, under sanitizers their memory accesses and arithmetic. Fails on any difference.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CLMN.h"
#include "linear_memories.h"
#include "outcome.h"
#include "slots.h"
#include "vocabulary_tests.h"

enum { V = 31 };

/// A part of a stream and the tree that is built over it.
typedef struct {
  const char *name;
  size_t width, heads, start, length;
  lmn_tree_shape shape;
  size_t sources;  // of an affine summary
  bool level_bias;
  size_t pinned;
} computation;

/// Matrices, rows and elementwise kernels, on [L, E] values.
static void run_layers(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length, E = c->width;
  const float *x = random_values(o, 1, L * E, 1), *dy = random_values(o, 2, L * E, 1);
  const float *weight = random_values(o, 3, E * 2 * E, 1), *bias = random_values(o, 4, 2 * E, 1);
  OUT(product, L * 2 * E);
  lmn_matmul_forward(context, &(lmn_matmul){L, E, 2 * E, x, weight, bias, product});
  OUT(product_without_bias, L * 2 * E);
  lmn_matmul_forward(context, &(lmn_matmul){L, E, 2 * E, x, weight, NULL, product_without_bias});
  OUT(d_right, E * 2 * E);
  lmn_matmul_backward_right(context, &(lmn_matmul_grad){L, E, 2 * E, x, product, d_right});
  OUT(sum, L * E);
  lmn_sum_forward(context, &(lmn_sum){L * E, 3, {x, dy, x}, sum});
  OUT(row_sum, E);
  lmn_row_sum_forward(context, &(lmn_row_sum){L, E, x, row_sum});

  int32_t *targets = allocate(o, L * sizeof *targets);
  for (size_t i = 0; i < L; i++) targets[i] = i % 5 ? (int32_t)(i % V) : -1;
  OUT(mean, 1);
  lmn_mean_forward(context, &(lmn_mean){1, L, x, NULL, mean});
  OUT(counted_mean, 1);
  lmn_mean_forward(context, &(lmn_mean){1, L, x, targets, counted_mean});
  OUT(d_values, L);
  lmn_mean_backward(context, &(lmn_mean_grad){1, L, dy, NULL, d_values});
  OUT(d_counted_values, L);
  lmn_mean_backward(context, &(lmn_mean_grad){1, L, dy, targets, d_counted_values});

  int64_t *reversed = allocate(o, L * sizeof *reversed);
  for (size_t i = 0; i < L; i++) reversed[i] = (int64_t)(L - 1 - i);
  OUT(row_copy, L * E);
  lmn_row_copy_forward(context, &(lmn_row_copy){L, E, x, NULL, row_copy, NULL});
  OUT(reversed_copy, L * E);
  lmn_row_copy_forward(context, &(lmn_row_copy){L, E, x, reversed, reversed_copy, NULL});
  int32_t *maximal_rows = allocate(o, E * sizeof *maximal_rows);
  OUT(maximum, E);
  lmn_row_maximum_forward(context, &(lmn_row_maximum){L, E, x, dy, maximum, maximal_rows});
  OUT(d_matrix, L * E);
  lmn_row_maximum_backward(context, &(lmn_row_maximum_grad){L, E, maximal_rows, dy, d_matrix});

  OUT(rms_normalized, L * E);
  OUT(rms_scale, L);
  lmn_rms_norm_forward(context, &(lmn_rms_norm){L, E, 1e-6f, x, bias, rms_normalized, rms_scale});
  OUT(rms_d_x, L * E);
  OUT(rms_d_gain, E);
  lmn_rms_norm_backward(context,
                        &(lmn_rms_norm_grad){L, E, x, bias, rms_scale, dy, rms_d_x, rms_d_gain});
  OUT(layer_normalized, L * E);
  OUT(layer_mean, L);
  OUT(layer_scale, L);
  lmn_layer_norm_forward(context, &(lmn_layer_norm){L, E, 1e-5f, x, bias, bias + E,
                                                    layer_normalized, layer_mean, layer_scale});
  OUT(layer_d_x, L * E);
  OUT(layer_d_gain, E);
  OUT(layer_d_bias, E);
  lmn_layer_norm_backward(
      context, &(lmn_layer_norm_grad){L, E, x, bias, layer_mean, layer_scale, dy, layer_d_x,
                                      layer_d_gain, layer_d_bias});

  static void (*const forwards[])(lmn_context, const lmn_activation *) = {
      lmn_silu_forward, lmn_gelu_forward, lmn_relu_forward, lmn_log_sigmoid_forward};
  static void (*const backwards[])(lmn_context, const lmn_activation_grad *) = {
      lmn_silu_backward, lmn_gelu_backward, lmn_relu_backward, lmn_log_sigmoid_backward};
  for (size_t i = 0; i < 4; i++) {
    OUT(activated, L * E);
    forwards[i](context, &(lmn_activation){L * E, x, activated});
    OUT(d_x, L * E);
    backwards[i](context, &(lmn_activation_grad){L * E, x, dy, d_x});
  }
  OUT(kept, L * E);
  const uint64_t draw[] = {5, 1ull << 32, 3};
  lmn_dropout_forward(context, &(lmn_dropout){L * E, E, 0.3f, 2, draw, x, kept});

  int32_t *ids = allocate(o, L * sizeof *ids);
  for (size_t i = 0; i < L; i++) ids[i] = (int32_t)(i * i % V);
  const float *table = random_values(o, 5, V * E, 1);
  OUT(vectors, L * E);
  lmn_embedding_forward(context, &(lmn_embedding){L, V, E, ids, table, vectors});
  OUT(d_table, V * E);
  lmn_embedding_backward(context, &(lmn_embedding_grad){L, V, E, ids, dy, d_table});
  int64_t *positions = allocate(o, L * sizeof *positions);
  for (size_t i = 0; i < L; i++) positions[i] = 1000 * (int64_t)i;
  double *frequencies = allocate(o, (E + 1) / 2 * sizeof *frequencies);
  for (size_t i = 0; i < (E + 1) / 2; i++) frequencies[i] = 0.1 / (1 + (double)i);
  OUT(encodings, L * E);
  lmn_sinusoid_forward(context, &(lmn_sinusoid){L, E, positions, frequencies, encodings});

  OUT(losses, L);
  OUT(log_sum, L);
  lmn_cross_entropy_forward(context, &(lmn_cross_entropy){L, V, product, targets, losses, log_sum});
  OUT(d_logits, L * V);
  lmn_cross_entropy_backward(
      context, &(lmn_cross_entropy_grad){L, V, product, targets, log_sum, dy, d_logits});
  for (int squared = 0; squared < 2; squared++) {
    OUT(errors, L * E);
    lmn_prediction_error_forward(context,
                                 &(lmn_prediction_error){L * E, squared, x, dy, x, errors});
    OUT(d_predictions, L * E);
    lmn_prediction_error_backward(
        context, &(lmn_prediction_error_grad){L * E, squared, x, dy, x, dy, d_predictions});
  }

  IN_OUT(value, random_values(o, 6, L * E, 1), L * E);
  IN_OUT(first, random_values(o, 7, L * E, 0.1f), L * E);
  IN_OUT(second, random_values(o, 8, L * E, 0.1f), L * E);
  for (size_t i = 0; i < L * E; i++) second[i] = fabsf(second[i]);
  lmn_adamw_update(context, &(lmn_adamw){L * E, 1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.1f, 0.01f, 0.5f,
                                         dy, value, first, second});
  const size_t blocks = (L * E + LMN_SQUARED_NORM_BLOCK - 1) / LMN_SQUARED_NORM_BLOCK;
  OUT(squares, blocks);
  lmn_squared_norm_forward(context, &(lmn_squared_norm){L * E, x, squares});
}

/// State space models with steps of all sizes, and their gate.
static void run_state_spaces(lmn_context context, const computation *c, outcome *o) {
  enum { P = 7 };
  const size_t L = c->length, E = c->width;
  const size_t chunks = (L + LMN_STATE_SPACE_CHUNK - 1) / LMN_STATE_SPACE_CHUNK;
  float *log_dt = random_values(o, 31, E, 3);
  for (size_t e = 0; e < E; e++) log_dt[e] -= 4;
  const float *log_a_real = random_values(o, 32, E * P, 1),
              *c_of = random_values(o, 33, E * P * 2, 1);
  const float *a_imag = random_values(o, 34, E * P, 20);
  OUT(coefficients, P * 4 * E);
  lmn_discretization_forward(
      context, &(lmn_discretization){E, P, log_dt, log_a_real, a_imag, c_of, coefficients});
  // Others than these, whose rounding a long memory amplifies.
  const float *recurrence = random_values(o, 42, P * 4 * E, 0.6f);
  const float *y = random_values(o, 35, L * E, 1), *skip = random_values(o, 36, E, 1);
  const float *before = random_values(o, 37, P * 2 * E, 1);
  OUT(carried, (1 + chunks) * P * 2 * E);
  memcpy(carried, before, P * 2 * E * sizeof *carried);
  OUT(s, L * E);
  lmn_state_space_forward(context, &(lmn_state_space){L, E, P, y, recurrence, skip, carried, s});
  const float *d_s = random_values(o, 38, L * E, 1);
  IN_OUT(d_state, random_values(o, 39, P * 2 * E, 1), P * 2 * E);
  OUT(d_y, L * E);
  OUT(d_coefficients, P * 4 * E);
  OUT(d_skip, E);
  lmn_state_space_backward(
      context, &(lmn_state_space_grad){L, E, P, y, recurrence, skip, carried, d_s, d_state, d_y,
                                       d_coefficients, d_skip});
  OUT(d_log_dt, E);
  OUT(d_log_a_real, E * P);
  OUT(d_a_imag, E * P);
  OUT(d_c, E * P * 2);
  lmn_discretization_backward(
      context, &(lmn_discretization_grad){E, P, log_dt, log_a_real, a_imag, c_of, d_coefficients,
                                          d_log_dt, d_log_a_real, d_a_imag, d_c});
  IN_OUT(states, random_values(o, 40, 3 * P * 2 * E, 1), 3 * P * 2 * E);
  OUT(stepped, 3 * E);
  lmn_state_space_step_forward(
      context, &(lmn_state_space_step){3, E, P, y, recurrence, skip, states, stepped});

  const float *halves = random_values(o, 41, L * 2 * E, 5);
  OUT(gated, L * E);
  lmn_gated_linear_unit_forward(context, &(lmn_gated_linear_unit){L, E, halves, gated});
  OUT(d_halves, L * 2 * E);
  lmn_gated_linear_unit_backward(context,
                                 &(lmn_gated_linear_unit_grad){L, E, halves, d_s, d_halves});
}

/// Both summarizers, forward and backward.
static void run_summaries(lmn_context context, const computation *c, lmn_tree tree, outcome *o) {
  const size_t E = c->width, K = c->shape.banks, r = c->shape.arity, g = c->shape.expansion;
  const size_t N = lmn_tree_rows(tree), G = lmn_tree_grown_rows(tree), J = c->sources;
  const size_t matrix = E * E;
  // Small enough for the nodes of every level to stay of order one.
  const float *weight = random_values(o, 9, K * J * r * matrix, 0.1f);
  const float *bias = random_values(o, 10, K * E, 1);
  float *weight_transposed = unwritten(o, K * J * r * matrix);
  lmn_transpose_forward(context, &(lmn_transpose){K * J, r * E, E, weight, weight_transposed});
  // Without expansion, its arguments are not used.
  lmn_expansion expansion = {NULL, NULL, NULL};
  lmn_expansion_grad expansion_grad = {NULL, NULL, NULL, NULL, NULL};
  if (g) {
    const float *taps = random_values(o, 11, (1 + g) * matrix, 0.1f);
    float *transposed = unwritten(o, (1 + g) * matrix), *grown = unwritten(o, G * E);
    lmn_transpose_forward(context, &(lmn_transpose){1 + g, E, E, taps, transposed});
    expansion = (lmn_expansion){taps, bias, grown};
    expansion_grad.weight_transposed = transposed;
    expansion_grad.grown = grown;
    expansion_grad.d_grown = unwritten(o, G * E);
  }

  IN_OUT(nodes, random_values(o, 12, N * E, 1), N * E);
  lmn_affine_summary_forward(context,
                             &(lmn_affine_summary){tree, E, J, weight, bias, nodes, expansion});
  IN_OUT(d_nodes, random_values(o, 13, N * E, 1), N * E);
  OUT(d_weight, K * J * r * matrix);
  OUT(d_bias, K * E);
  if (g) {
    OUT(d_expansion_weight, (1 + g) * matrix);
    OUT(d_expansion_bias, E);
    expansion_grad.d_weight = d_expansion_weight, expansion_grad.d_bias = d_expansion_bias;
  }
  lmn_affine_summary_backward(
      context, &(lmn_affine_summary_grad){tree, E, J, nodes, weight_transposed, d_nodes, d_weight,
                                          d_bias, expansion_grad});

  const float *taps = random_values(o, 14, K * (r + 1) * E, 0.5f);
  float *mixed = unwritten(o, N * E), *d_mixed = unwritten(o, N * E);
  IN_OUT(conv_nodes, random_values(o, 12, N * E, 1), N * E);
  lmn_separable_conv_forward(
      context, &(lmn_separable_conv){tree, E, taps, weight, bias, conv_nodes, mixed, expansion});
  IN_OUT(d_conv_nodes, random_values(o, 13, N * E, 1), N * E);
  OUT(d_taps, K * (r + 1) * E);
  OUT(d_pointwise, K * matrix);
  OUT(d_conv_bias, K * E);
  if (g) {
    OUT(d_conv_expansion_weight, (1 + g) * matrix);
    OUT(d_conv_expansion_bias, E);
    expansion_grad.d_weight = d_conv_expansion_weight,
    expansion_grad.d_bias = d_conv_expansion_bias;
  }
  lmn_separable_conv_backward(
      context,
      &(lmn_separable_conv_grad){tree, E, taps, weight, conv_nodes, mixed, d_conv_nodes, d_mixed,
                                 d_taps, d_pointwise, d_conv_bias, expansion_grad});
}

/// Attention over the tree, then over the window and over pinned tokens, all forward before all
/// backward, as a network runs them.
static void run_attention(lmn_context context, const computation *c, lmn_tree tree, outcome *o) {
  const size_t L = c->length, E = c->width, H = c->heads, N = lmn_tree_rows(tree);
  const size_t levels = c->shape.maximum_levels + 1, P = c->pinned, window = c->shape.window;
  const float *slots = random_values(o, 15, N * 2 * E, 1), *keys = random_values(o, 16, L * E, 1);
  const float *bias = c->level_bias ? random_values(o, 17, levels * H, 1) : NULL;
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
                                        NULL, keys, output, log_normalizer});
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
                                        keys, output, log_normalizer});
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
  if (window)
    lmn_token_attention_backward(
        context, &(lmn_token_attention_grad){L, E, H, seen_tokens, window, rows, window_seen,
                                             window_audience, slots, NULL, keys, output,
                                             log_normalizer, d_output, d_keys, d_slots, NULL});
  if (P) {
    OUT(d_gates, pinned_tokens);
    lmn_token_attention_backward(
        context, &(lmn_token_attention_grad){L, E, H, pinned_tokens, P, rows, pinned_seen,
                                             pinned_audience, slots, gates, keys, output,
                                             log_normalizer, d_output, d_keys, d_slots, d_gates});
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

/// Causal attention to the chunk and to tokens before it, with and without a window, forward,
/// backward and in steps; rotary positions, which need heads of even width. At most a few blocks of
/// tokens, since all pairs of more would take minutes under an emulator.
static void run_causal_attention(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length < 200 ? c->length : 200, E = c->width, H = c->heads,
               C = c->start < 200 ? c->start : 200;
  const float scale = 1 / sqrtf((float)E);
  const float *qkv = random_values(o, 22, L * 3 * E, 1);
  const float *keys = random_values(o, 23, C * E, 1), *values = random_values(o, 24, C * E, 1);
  const float *d_output = random_values(o, 25, L * E, 1);
  const size_t windows[] = {SIZE_MAX, 40};
  for (size_t i = 0; i < 2; i++) {
    OUT(attended, L * E);
    OUT(log_normalizer, L * H);
    OUT(d_qkv, L * 3 * E);
    OUT(d_keys_before, C * E);
    OUT(d_values_before, C * E);
    lmn_causal_attention_forward(
        context, &(lmn_causal_attention){L, E, H, C, windows[i], scale, qkv, keys, values, attended,
                                         log_normalizer});
    lmn_causal_attention_backward(
        context, &(lmn_causal_attention_grad){L, E, H, C, windows[i], scale, qkv, keys, values,
                                              attended, log_normalizer, d_output, d_qkv,
                                              d_keys_before, d_values_before});
    // Positions in the first chunk of a cache, around its end and beyond.
    const int64_t positions[] = {0, 63, 64, 150};
    float *chunks[4 * 3], *const *caches[4];
    for (size_t chunk = 0; chunk < 12; chunk++)
      chunks[chunk] = random_values(o, 26 + (unsigned)chunk, 2 * E * LMN_CACHE_CHUNK, 1);
    for (size_t b = 0; b < 4; b++) caches[b] = chunks + 3 * b;
    OUT(attended_step, 4 * E);
    lmn_causal_attention_step_forward(
        context, &(lmn_causal_attention_step){4, E, H, windows[i], scale, positions, qkv, caches,
                                              attended_step});
  }
  if (E / H % 2) return;
  int64_t *positions = allocate(o, L * sizeof *positions);
  double *frequencies = allocate(o, E / H / 2 * sizeof *frequencies);
  for (size_t t = 0; t < L; t++) positions[t] = (int64_t)(c->start + t);
  for (size_t i = 0; i < E / H / 2; i++) frequencies[i] = 0.1 / (double)(i + 1);
  OUT(rotated, L * 3 * E);
  lmn_rotary_forward(context, &(lmn_rotary){L, 3 * E, 2 * H, E / H, c->start > 0, positions,
                                            frequencies, qkv, rotated});
}

typedef void runner(lmn_context, const computation *, outcome *);

static void run_all(lmn_context context, const computation *c, outcome *o) {
  const lmn_tree tree = {.start = c->start, .length = c->length, .shape = c->shape};
  run_layers(context, c, o);
  run_state_spaces(context, c, o);
  run_summaries(context, c, tree, o);
  run_attention(context, c, tree, o);
  run_causal_attention(context, c, o);
  run_segment_attention(context, c->length, c->start, c->width, c->heads, o);
  run_slot_write(context, c->width, c->heads, o);
}

static void run_linear(lmn_context context, const computation *c, outcome *o) {
  run_linear_memories(context, c->length, c->width, c->heads, o);
}

/// A weight gradient that is large enough for OpenBLAS on instruction sets that use it.
static void run_large_gradient(lmn_context context, const computation *c, outcome *o) {
  const size_t rows = c->length, inner = 2 * c->width, columns = c->width;
  const float *left = random_values(o, 1, rows * inner, 1);
  const float *d_product = random_values(o, 2, rows * columns, 1);
  OUT(d_right, inner * columns);
  lmn_matmul_backward_right(context,
                            &(lmn_matmul_grad){rows, inner, columns, left, d_product, d_right});
}

/// Values are of order one, and errors of a sum in blocks grow slowly with its length.
static int expect_close(const char *name, const char *isa, const result *found,
                        const result *expected) {
  float largest = 0, difference = 0;
  for (size_t i = 0; i < expected->count; i++) {
    const float a = found->values[i], b = expected->values[i];
    largest = fmaxf(largest, fabsf(b));
    difference = isnan(a) || isnan(b) ? INFINITY : fmaxf(difference, fabsf(a - b));
    if (isinf(difference)) break;
  }
  const int differs = !(difference <= 3e-5f * largest);
  if (differs)
    printf("%s, %s: %s is off by %.1e of %.1e  DIFFERS\n", name, isa, found->name, difference,
           largest);
  return differs;
}

static int expect_equal(const char *name, const char *isa, const result *found,
                        const result *expected) {
  const int differs = memcmp(found->values, expected->values, found->count * sizeof(float)) != 0;
  if (differs) printf("%s, %s: %s depends on threads  DIFFERS\n", name, isa, found->name);
  return differs;
}

static int check(const computation *c, runner *run) {
  static outcome expected, found, shared;
  int differences = 0;
  run((lmn_context){lmn_isa_named("reference"), 1}, c, &expected);
  const lmn_isa *isa;
  for (size_t i = 0; (isa = lmn_isa_available(i)); i++) {
    run((lmn_context){isa, 1}, c, &found);
    run((lmn_context){isa, 4}, c, &shared);
    for (size_t r = 0; r < expected.count; r++) {
      differences +=
          expect_close(c->name, lmn_isa_name(isa), &found.results[r], &expected.results[r]);
      differences +=
          expect_equal(c->name, lmn_isa_name(isa), &shared.results[r], &found.results[r]);
    }
    release(&found);
    release(&shared);
  }
  release(&expected);
  return differences;
}

static int check_vocabulary(void) {
  int failures = 0;
#if defined(__x86_64__)
  if (lmn_isa_named("avx512")) failures += test_vocabulary_avx512();
  if (lmn_isa_named("avx2")) failures += test_vocabulary_avx2();
#elif defined(__aarch64__)
  failures += test_vocabulary_neon();
#endif
  return failures;
}

/// Parts with several units of every kernel. The first is that of a default network, but longer.
static const computation long_parts[] = {
    // name, width, heads, start, length, {banks, arity, expansion, maximum levels, window,
    // disjoint},
    // sources, level bias, pinned
    {"default", 32, 4, 0, 1100, {2, 2, 0, 47, 0, false}, 1, false, 0},
    {"level bias", 32, 4, 0, 1100, {2, 2, 0, 47, 0, false}, 1, true, 0},
    {"window", 32, 4, 0, 1100, {2, 2, 0, 47, 5, false}, 1, false, 0},
    {"pinned", 32, 4, 0, 1100, {2, 2, 0, 47, 0, false}, 1, false, 4},
    {"disjoint", 32, 4, 0, 1100, {2, 2, 0, 47, 0, true}, 1, false, 0},
    {"disjoint, level bias", 32, 4, 0, 1100, {2, 2, 0, 47, 0, true}, 1, true, 0},
    {"arity 3", 32, 4, 0, 1100, {2, 3, 0, 47, 0, false}, 1, false, 0},
    {"arity 4, sources", 32, 4, 0, 1100, {2, 4, 0, 47, 0, false}, 2, false, 0},
    {"expansion", 32, 4, 0, 1100, {2, 2, 1, 5, 0, false}, 1, false, 0},
    {"all", 32, 4, 0, 1100, {2, 3, 1, 4, 3, true}, 2, true, 5},
    {"all, carried", 32, 4, 777, 1100, {2, 3, 1, 4, 3, true}, 2, true, 5},
    {"carried", 32, 4, 1000, 1100, {2, 2, 0, 47, 2, false}, 1, false, 3},
    {"1 head", 32, 1, 0, 1100, {1, 2, 0, 47, 1, false}, 1, true, 2},
    {"2 heads", 32, 2, 0, 1100, {1, 2, 0, 47, 1, false}, 1, false, 2},
    {"8 heads", 32, 8, 0, 1100, {1, 2, 0, 47, 1, false}, 1, true, 2},
    {"32 heads", 32, 32, 0, 1100, {1, 2, 0, 47, 1, false}, 1, false, 2},
    {"width 36", 36, 12, 0, 1100, {2, 2, 0, 47, 1, false}, 1, false, 2},
};

/// Every kind of tree with every number of heads of width 36, whole and carried.
static int check_short_parts(void) {
  const lmn_tree_shape shapes[] = {
      {2, 2, 0, 40, 0, false}, {2, 3, 1, 40, 0, false}, {2, 4, 0, 2, 5, false},
      {2, 2, 0, 40, 0, true},  {2, 2, 2, 3, 0, false},  {2, 3, 0, 40, 0, true},
      {2, 5, 1, 40, 0, true},  {2, 4, 0, 40, 0, true},  {2, 8, 0, 40, 1, false},
  };
  int differences = 0;
  size_t kind = 0;
  for (size_t heads = 1; heads <= 36; heads++) {
    if (36 % heads) continue;
    for (size_t start = 0; start <= 100; start = start * 3 + 11, kind++) {
      char name[64];
      snprintf(name, sizeof name, "%zu heads, start %zu, tree %zu", heads, start, kind % 9);
      const computation c = {name,
                             36,
                             heads,
                             start,
                             77,
                             shapes[kind % 9],
                             heads % 3 ? 1 : 2,
                             heads % 2 == 1,
                             shapes[kind % 9].window ? 0 : 3};
      differences += check(&c, run_all);
    }
  }
  return differences;
}

/// Linear-attention memories, over few tokens and several chunks, with narrow and wide heads.
static int check_linear_memories(void) {
  const computation parts[] = {
      {.name = "linear memories, 4 tokens", .width = 32, .heads = 4, .length = 4},
      {.name = "linear memories", .width = 32, .heads = 4, .length = 300},
      {.name = "linear memories, 36 heads", .width = 36, .heads = 36, .length = 77},
      {.name = "linear memories, 1 head", .width = 36, .heads = 1, .length = 90},
  };
  int differences = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    differences += check(&parts[i], run_linear);
  return differences;
}

int main(void) {
  const computation wide = {.name = "large gradient", .width = 512, .length = 70};
  int differences = check_vocabulary() + check_short_parts() + check_linear_memories() +
                    check(&wide, run_large_gradient);
  for (size_t i = 0; i < sizeof long_parts / sizeof *long_parts; i++)
    differences += check(&long_parts[i], run_all);
  printf("%d differences\n", differences);
  return differences > 0;
}
