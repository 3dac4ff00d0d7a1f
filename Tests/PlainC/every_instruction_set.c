// Calls the kernels from C alone and compares every available instruction set with the reference:
// the proof that the header stands by itself, and, under an emulator, the test of other processors.
// Exits with the number of differences.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "CLMN.h"

enum { L = 77, E = 36, K = 2, V = 31, P = 3 };

static float *random_values(size_t count) {
  static unsigned long long state = 1;
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    values[i] = (float)(state >> 40) / (float)(1 << 23) - 1;
  }
  return values;
}

static float *copy(const float *values, size_t count) {
  float *result = malloc(count * sizeof *result);
  for (size_t i = 0; i < count; i++) result[i] = values[i];
  return result;
}

/// Everything is of order one and no sum has more than a few hundred terms.
static int differs(const char *isa, const char *what, const float *a, const float *b,
                   size_t count) {
  float largest = 0, difference = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fmaxf(largest, fabsf(b[i]));
    difference = isnan(a[i]) ? INFINITY : fmaxf(difference, fabsf(a[i] - b[i]));
  }
  const int bad = !(difference <= 3e-5f * largest);
  printf("%-10s %-28s %.1e of %.1e%s\n", isa, what, difference, largest, bad ? "  DIFFERS" : "");
  return bad;
}

typedef struct {
  const char *name;
  const float *values;
  size_t count;
} result;

/// Runs a bit of everything; fills `results` and returns how many there are.
static size_t run(lmn_context context, const lmn_tree tree, size_t heads, float *const *inputs,
                  result *results) {
  const size_t N = lmn_tree_rows(tree);
  float *const *in = inputs;
  size_t count = 0;
#define OUT(name, size)                        \
  float *name = malloc((size) * sizeof *name); \
  results[count++] = (result){#name, name, (size)}

  OUT(product, L * 2 * E);
  lmn_matmul_forward(context, &(lmn_matmul){L, E, 2 * E, in[0], in[1], in[2], product});
  OUT(d_right, E * 2 * E);
  lmn_matmul_backward_right(context, &(lmn_matmul_grad){L, E, 2 * E, in[0], product, d_right});

  const size_t r = tree.shape.arity, g = tree.shape.growth, G = lmn_tree_grown_rows(tree);
  float *grown = malloc((1 + G * E) * sizeof *grown),
        *d_grown = malloc((1 + G * E) * sizeof *grown);
  const lmn_expander expander = {in[4], in[5], grown};
  float *nodes = copy(in[3], N * E);
  results[count++] = (result){"nodes", nodes, N * E};
  const size_t sources = heads % 3 ? 1 : K, weights = K * sources * r * E * E;
  lmn_affine_summary_forward(
      context, &(lmn_affine_summary){tree, E, sources, in[4], in[5], nodes, expander});
  float *d_nodes = copy(in[6], N * E), *weight_transposed = malloc(weights * sizeof(float));
  float *expander_transposed = malloc((1 + g) * E * E * sizeof(float));
  results[count++] = (result){"d_nodes", d_nodes, N * E};
  lmn_transpose_forward(context, &(lmn_transpose){K * sources, r * E, E, in[4], weight_transposed});
  lmn_transpose_forward(context, &(lmn_transpose){1 + g, E, E, in[4], expander_transposed});
  OUT(d_weight, weights);
  OUT(d_summary_bias, K * E);
  OUT(d_expander_weight, g ? (1 + g) * E * E : 0);
  OUT(d_expander_bias, g ? E : 0);
  lmn_affine_summary_backward(
      context, &(lmn_affine_summary_grad){
                   tree,
                   E,
                   sources,
                   nodes,
                   weight_transposed,
                   d_nodes,
                   d_weight,
                   d_summary_bias,
                   {expander_transposed, grown, d_grown, d_expander_weight, d_expander_bias}});

  float *conv_nodes = copy(in[3], N * E), *mixed = calloc(N * E, sizeof *mixed);
  results[count++] = (result){"conv_nodes", conv_nodes, N * E};
  lmn_separable_conv_forward(
      context, &(lmn_separable_conv){tree, E, in[7], in[4], in[5], conv_nodes, mixed, expander});
  float *d_conv_nodes = copy(in[6], N * E), *d_mixed = malloc(N * E * sizeof *mixed);
  results[count++] = (result){"d_conv_nodes", d_conv_nodes, N * E};
  OUT(d_taps, K * (r + 1) * E);
  OUT(d_pointwise, K * E * E);
  OUT(d_conv_bias, K * E);
  lmn_separable_conv_backward(
      context,
      &(lmn_separable_conv_grad){tree,
                                 E,
                                 in[7],
                                 in[4],
                                 conv_nodes,
                                 mixed,
                                 d_conv_nodes,
                                 d_mixed,
                                 d_taps,
                                 d_pointwise,
                                 d_conv_bias,
                                 {in[4], grown, d_grown, d_expander_weight, d_expander_bias}});

  OUT(output, L * E);
  OUT(log_normalizer, L * heads);
  const float *bias = heads % 2 ? in[0] : NULL;
  lmn_single_vector_attention_forward(
      context,
      &(lmn_single_vector_attention){tree, E, heads, in[8], in[0], bias, output, log_normalizer});
  OUT(d_keys, L * E);
  OUT(d_slots, N * 2 * E);
  const size_t biases = (tree.shape.highest_level + 1) * heads;
  OUT(d_bias, bias ? biases : 0);
  float *partial =
      malloc((1 + lmn_single_vector_attention_partial_rows(tree) * 2 * E) * sizeof *partial);
  float *partial_bias =
      malloc((1 + lmn_single_vector_attention_units(tree) * biases) * sizeof *partial);
  lmn_single_vector_attention_backward(
      context, &(lmn_single_vector_attention_grad){tree, E, heads, in[8], in[0], bias, output,
                                                   log_normalizer, in[9], d_keys, d_slots, partial,
                                                   d_bias, partial_bias});

  // The attention goes on over the window, where there is one, or else over P pinned tokens.
  const bool pins = tree.shape.window == 0;
  const size_t tokens = pins ? P + L : lmn_tree_level_at(tree, 0).count;
  const size_t places = pins ? P : tree.shape.window;
  int32_t *rows = malloc(tokens * sizeof *rows), *audience = malloc(2 * tokens * sizeof *rows);
  int32_t *seen = malloc(L * places * sizeof *rows);
  int64_t pinned[P];
  for (size_t i = 0; i < tokens; i++) rows[i] = (int32_t)i;
  if (pins)
    lmn_recall_pinned(&(lmn_pinning){L, P, in[2 + 1], seen, audience, pinned});
  else
    lmn_recall_window(tree, seen, audience);
  const float *gates = pins ? in[0] : NULL;
  lmn_recall_forward(context, &(lmn_recall){L, E, heads, tokens, places, rows, seen, in[8], gates,
                                            in[0], output, log_normalizer});
  OUT(d_gates, pins ? tokens : 0);
  lmn_recall_backward(
      context, &(lmn_recall_grad){L, E, heads, tokens, places, rows, seen, audience, in[8], gates,
                                  in[0], output, log_normalizer, in[9], d_keys, d_slots, d_gates});

  // A young stream, one between tiles, and one of more than a block of slots.
  const float *tables[] = {in[8], in[8], in[8]}, *biases_of[] = {in[0], in[0], in[0]};
  const size_t counts[] = {1, 6, L};
  OUT(stepped, 3 * E);
  lmn_single_vector_attention_step_forward(
      context, &(lmn_single_vector_attention_step){3, E, heads, tables, bias ? biases_of : NULL,
                                                   counts, in[0], stepped});

  OUT(normalized, L * E);
  OUT(scale, L);
  lmn_rms_norm_forward(context, &(lmn_rms_norm){L, E, 1e-6f, in[0], in[2], normalized, scale});
  OUT(activated, L * E);
  lmn_silu_forward(context, &(lmn_activation){L * E, in[0], activated});
  OUT(d_x, L * E);
  lmn_silu_backward(context, &(lmn_activation_grad){L * E, in[0], in[9], d_x});
  OUT(gelu, L * E);
  lmn_gelu_forward(context, &(lmn_activation){L * E, in[0], gelu});
  OUT(gelu_d_x, L * E);
  lmn_gelu_backward(context, &(lmn_activation_grad){L * E, in[0], in[9], gelu_d_x});
  OUT(relu_d_x, L * E);
  lmn_relu_backward(context, &(lmn_activation_grad){L * E, in[0], in[9], relu_d_x});
  OUT(kept, L * E);
  lmn_dropout_forward(
      context, &(lmn_dropout){L * E, 0.3f, 2, (const uint64_t[]){5, 1ull << 32}, in[0], kept});
  OUT(encodings, L * E);
  int64_t positions[L];
  double frequencies[E / 2];
  for (int i = 0; i < L; i++) positions[i] = 1000 * i;
  for (int i = 0; i < E / 2; i++) frequencies[i] = 0.1 / (1 + i);
  lmn_sinusoid_forward(context, &(lmn_sinusoid){L, E, positions, frequencies, encodings});
  int32_t targets[L];
  for (int i = 0; i < L; i++) targets[i] = i % V;
  OUT(losses, L);
  OUT(log_sum, L);
  lmn_cross_entropy_forward(context, &(lmn_cross_entropy){L, V, product, targets, losses, log_sum});

  int32_t maximal_rows[E];
  OUT(maximum, E);
  lmn_row_maximum_forward(context, &(lmn_row_maximum){L, E, in[0], in[9], maximum, maximal_rows});
  OUT(d_matrix, L * E);
  lmn_row_maximum_backward(context, &(lmn_row_maximum_grad){L, E, maximal_rows, in[2], d_matrix});
  for (int squared = 0; squared < 2; squared++) {
    OUT(errors, L * E);
    lmn_prediction_error_forward(
        context, &(lmn_prediction_error){L * E, squared, in[0], in[9], in[3], errors});
    OUT(d_predictions, L * E);
    lmn_prediction_error_backward(
        context,
        &(lmn_prediction_error_grad){L * E, squared, in[0], in[9], in[3], in[6], d_predictions});
  }
  return count;
}

int main(void) {
  int differences = 0;
  for (size_t heads = 1, kind = 0; heads <= 36; heads++) {
    if (E % heads) continue;
    // Trees of all kinds: whole ones and parts, r from 2 to 5, growing ones, low, wide, disjoint.
    const lmn_tree_shape shapes[] = {
        {K, 2, 0, 40, 0, false}, {K, 3, 1, 40, 0, false}, {K, 4, 0, 2, 5, false},
        {K, 2, 0, 40, 0, true},  {K, 2, 2, 3, 0, false},  {K, 3, 0, 40, 0, true},
        {K, 5, 1, 40, 0, true},  {K, 4, 0, 40, 0, true},  {K, 8, 0, 40, 1, false},
    };
    for (size_t start = 0; start <= 100; start = start * 3 + 11, kind++) {
      const lmn_tree tree = {.start = start, .length = L, .shape = shapes[kind % 9]};
      const size_t N = lmn_tree_rows(tree);
      float *inputs[] = {
          random_values(L * E), random_values(E * 2 * E),         random_values(2 * E),
          random_values(N * E), random_values(K * K * 8 * E * E), random_values(K * E),
          random_values(N * E), random_values(K * 9 * E),         random_values(N * 2 * E),
          random_values(L * E),
      };
      // Weights of a usual size, so that the levels of the tree stay of order one.
      for (size_t i = 0; i < K * K * 8 * E * E; i++) inputs[4][i] *= 0.1f;
      for (size_t i = 0; i < K * 9 * E; i++) inputs[7][i] *= 0.5f;
      result expected[64], found[64];
      const lmn_isa *isa;
      run((lmn_context){lmn_isa_named("reference"), 1}, tree, heads, inputs, expected);
      for (size_t i = 0; (isa = lmn_isa_available(i)); i++) {
        const size_t count = run((lmn_context){isa, 2}, tree, heads, inputs, found);
        for (size_t r = 0; r < count; r++)
          differences += differs(lmn_isa_name(isa), found[r].name, found[r].values,
                                 expected[r].values, found[r].count);
      }
    }
  }
  printf("%d differences\n", differences);
  return differences;
}
