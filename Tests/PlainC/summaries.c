// Summaries of the nodes of a tree.
#include "topics.h"

/// Both summarizers, forward and backward.
void run_summaries(lmn_context context, const computation *c, outcome *o) {
  const lmn_tree tree = {.start = c->start, .length = c->length, .shape = c->shape};
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
