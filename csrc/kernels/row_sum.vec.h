// Sums over rows: gradients of biases.
#ifndef LMN_ROW_SUM_VEC_H
#define LMN_ROW_SUM_VEC_H

#include "isa/kernel.h"

enum { ROW_SUM_DEPTH = 256 };

/// sum (+)= sum of `rows` rows, in blocks, so that rounding errors grow slowly.
LMN_INLINE void row_sum_block(size_t rows, size_t columns, const float *matrix, size_t stride,
                              float *sum, bool add) {
  for (size_t c = 0; c < columns; c += VEC_LANES) {
    const size_t lanes = vec_lanes(columns - c);
    vec total = add ? vec_load(sum + c, lanes) : vec_set(0);
    for (size_t m = 0; m < rows; m += ROW_SUM_DEPTH) {
      const size_t last = lmn_min(m + ROW_SUM_DEPTH, rows);
      vec part = vec_set(0);
      for (size_t r = m; r < last; r++)
        part = vec_add(part, vec_load(matrix + r * stride + c, lanes));
      total = vec_add(total, part);
    }
    vec_store(sum + c, total, lanes);
  }
}

// sum[c] = sum over r of matrix[r][c]
KERNEL(row_sum_forward) {
  const lmn_row_sum *a = args;
  const size_t first = begin * LMN_TILE_COLUMNS;
  row_sum_block(a->rows, lmn_min(end * LMN_TILE_COLUMNS, a->columns) - first, a->matrix + first,
                a->columns, a->sum + first, false);
}

#endif
