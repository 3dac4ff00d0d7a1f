// Products, sums, means, maxima and copies of rows.
#include "topics.h"

/// Of values [L, E].
void run_matrices(lmn_context context, const computation *c, outcome *o) {
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
}

/// A weight gradient that is large enough for OpenBLAS on instruction sets that use it.
void run_large_gradient(lmn_context context, const computation *c, outcome *o) {
  const size_t rows = c->length, inner = 2 * c->width, columns = c->width;
  const float *left = random_values(o, 1, rows * inner, 1);
  const float *d_product = random_values(o, 2, rows * columns, 1);
  OUT(d_right, inner * columns);
  lmn_matmul_backward_right(context,
                            &(lmn_matmul_grad){rows, inner, columns, left, d_product, d_right});
}
