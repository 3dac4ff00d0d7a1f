// Calls the kernels from C alone and compares every available instruction set with the reference:
// the proof that the header stands by itself, and, under an emulator, the test of other processors.
// Exits with the number of differences.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "CLMN.h"

enum { L = 77, E = 36, K = 2, V = 31 };

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

  float *nodes = copy(in[3], N * E);
  results[count++] = (result){"nodes", nodes, N * E};
  lmn_pairwise_summary_forward(context, &(lmn_pairwise_summary){tree, E, in[4], in[5], nodes});
  float *d_nodes = copy(in[6], N * E), *weight_transposed = malloc(K * 2 * E * E * sizeof(float));
  results[count++] = (result){"d_nodes", d_nodes, N * E};
  lmn_transpose_forward(context, &(lmn_transpose){K, 2 * E, E, in[4], weight_transposed});
  OUT(d_weight, K * 2 * E * E);
  OUT(d_summary_bias, K * E);
  lmn_pairwise_summary_backward(
      context, &(lmn_pairwise_summary_grad){tree, E, nodes, weight_transposed, d_nodes, d_weight,
                                            d_summary_bias});

  float *conv_nodes = copy(in[3], N * E), *mixed = calloc(N * E, sizeof *mixed);
  results[count++] = (result){"conv_nodes", conv_nodes, N * E};
  lmn_separable_conv_forward(
      context, &(lmn_separable_conv){tree, E, in[7], in[4], in[5], conv_nodes, mixed});

  OUT(output, L * E);
  OUT(log_normalizer, L * heads);
  lmn_single_vector_attention_forward(
      context,
      &(lmn_single_vector_attention){tree, E, heads, in[8], in[0], output, log_normalizer});
  OUT(d_keys, L * E);
  OUT(d_slots, N * 2 * E);
  float *partial =
      malloc((1 + lmn_single_vector_attention_partial_rows(tree) * 2 * E) * sizeof *partial);
  lmn_single_vector_attention_backward(
      context,
      &(lmn_single_vector_attention_grad){tree, E, heads, in[8], in[0], output, log_normalizer,
                                          in[9], d_keys, d_slots, partial});

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

  int32_t rows[E];
  OUT(maximum, E);
  lmn_row_maximum_forward(context, &(lmn_row_maximum){L, E, in[0], in[9], maximum, rows});
  OUT(d_matrix, L * E);
  lmn_row_maximum_backward(context, &(lmn_row_maximum_grad){L, E, rows, in[2], d_matrix});
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
  for (size_t heads = 1; heads <= 36; heads++) {
    if (E % heads) continue;
    const lmn_tree tree = {.start = heads % 2 ? 0 : 11, .length = L, .banks = K};
    const size_t N = lmn_tree_rows(tree);
    float *inputs[] = {
        random_values(L * E), random_values(E * 2 * E),     random_values(2 * E),
        random_values(N * E), random_values(K * 2 * E * E), random_values(K * E),
        random_values(N * E), random_values(K * 3 * E),     random_values(N * 2 * E),
        random_values(L * E),
    };
    // Weights of a usual size, so that the levels of the tree stay of order one.
    for (size_t i = 0; i < K * 2 * E * E; i++) inputs[4][i] *= 0.2f;
    result expected[32], found[32];
    const lmn_isa *isa;
    run((lmn_context){lmn_isa_named("reference"), 1}, tree, heads, inputs, expected);
    for (size_t i = 0; (isa = lmn_isa_available(i)); i++) {
      const size_t count = run((lmn_context){isa, 2}, tree, heads, inputs, found);
      for (size_t r = 0; r < count; r++)
        differences += differs(lmn_isa_name(isa), found[r].name, found[r].values,
                               expected[r].values, found[r].count);
    }
  }
  printf("%d differences\n", differences);
  return differences;
}
