// Matrix products, transposes, sums, means, maxima and copies of rows.
#ifndef CLMN_MATRICES_H
#define CLMN_MATRICES_H

#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LMN_MOST_TERMS = 16 };

/// sum = ((values[0] + values[1]) + values[2]) + ..., value by value
typedef struct lmn_sum {
  size_t count, terms;                  // terms: 1 to LMN_MOST_TERMS
  const float *values[LMN_MOST_TERMS];  // each [count]
  float *sum;                           // [count]; may be one of the terms itself
} lmn_sum;

void lmn_sum_forward(lmn_context, const lmn_sum *);

/// mean[r] = mean of the counted values[r]; 0 for a row without any
typedef struct lmn_mean {
  size_t rows, columns;    // columns: at least 1
  const float *values;     // [rows, columns]
  const int32_t *targets;  // [rows, columns], negative for values not counted; or NULL: all are
  float *mean;             // [rows]
} lmn_mean;

void lmn_mean_forward(lmn_context, const lmn_mean *);

typedef struct lmn_mean_grad {
  size_t rows, columns;
  const float *d_mean;     // [rows]
  const int32_t *targets;  // [rows, columns] or NULL
  float *d_values;         // [rows, columns]
} lmn_mean_grad;

void lmn_mean_backward(lmn_context, const lmn_mean_grad *);

/// target[target_rows[r]] = source[source_rows[r]] for M rows; other rows are not written.
typedef struct lmn_row_copy {
  size_t rows, width;
  const float *source;         // rows of `width`
  const int64_t *source_rows;  // [M], or NULL for 0, 1, 2, ...
  float *target;               // rows of `width`
  const int64_t *target_rows;  // [M], no row twice, or NULL for 0, 1, 2, ...
} lmn_row_copy;

void lmn_row_copy_forward(lmn_context, const lmn_row_copy *);

/// product = left . right + bias
typedef struct lmn_matmul {
  size_t rows, inner, columns;
  const float *left;   // [rows, inner]
  const float *right;  // [inner, columns]
  const float *bias;   // [columns], or NULL for none
  float *product;      // [rows, columns]
} lmn_matmul;

void lmn_matmul_forward(lmn_context, const lmn_matmul *);

/// d_right = left^T . d_product, the cotangent of the right factor. (That of the left factor is
/// d_product . right^T: lmn_transpose and lmn_matmul.)
typedef struct lmn_matmul_grad {
  size_t rows, inner, columns;
  const float *left;       // [rows, inner]
  const float *d_product;  // [rows, columns]
  float *d_right;          // [inner, columns]
} lmn_matmul_grad;

void lmn_matmul_backward_right(lmn_context, const lmn_matmul_grad *);

/// transposed[m][c][r] = matrix[m][r][c]
typedef struct lmn_transpose {
  size_t matrices, rows, columns;
  const float *matrix;  // [matrices, rows, columns]
  float *transposed;    // [matrices, columns, rows]
} lmn_transpose;

void lmn_transpose_forward(lmn_context, const lmn_transpose *);

/// sum[c] = sum over r of matrix[r][c]
typedef struct lmn_row_sum {
  size_t rows, columns;
  const float *matrix;  // [rows, columns]
  float *sum;           // [columns]
} lmn_row_sum;

void lmn_row_sum_forward(lmn_context, const lmn_row_sum *);

/// maximum[c] = maximum of matrix[r][c] over the rows r with weights[r] != 0
typedef struct lmn_row_maximum {
  size_t rows, columns;
  const float *matrix;   // [rows, columns]
  const float *weights;  // [rows], not all of them 0
  float *maximum;        // [columns]
  int32_t *row;          // [columns]: the first row with the maximum
} lmn_row_maximum;

void lmn_row_maximum_forward(lmn_context, const lmn_row_maximum *);

typedef struct lmn_row_maximum_grad {
  size_t rows, columns;
  const int32_t *row;      // [columns]
  const float *d_maximum;  // [columns]
  float *d_matrix;         // [rows, columns]
} lmn_row_maximum_grad;

void lmn_row_maximum_backward(lmn_context, const lmn_row_maximum_grad *);

#ifdef __cplusplus
}
#endif

#endif
