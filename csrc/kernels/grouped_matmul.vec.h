#ifndef LMN_GROUPED_MATMUL_VEC_H
#define LMN_GROUPED_MATMUL_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/grouped_matmul.h"
#include "kernels/matmul.vec.h"
#include "kernels/row_sum.vec.h"

// product = left . right[segment] + bias[segment]
KERNEL(grouped_matmul_forward) {
  const lmn_grouped_matmul *a = args;
  const size_t K = a->inner, N = a->columns;
  while (begin < end) {
    const lmn_segment_rows s = lmn_segment_tile_rows(a->offsets, a->rows, a->segments, begin, end);
    const matmul_operands o = {
        .inner = K,
        .left = a->left + s.row * K,
        .left_row = K,
        .left_step = 1,
        .right = a->right + s.segment * K * N,
        .right_row = N,
        .product = a->product + s.row * N,
        .product_row = N,
    };
    if (s.end > s.row)
      matmul_block(s.end - s.row, N, &o, a->bias ? MATMUL_BIAS : MATMUL_ZERO,
                   a->bias ? a->bias + s.segment * N : NULL);
    if (s.segment + 1 == a->segments) break;
    const size_t next = (size_t)a->offsets[s.segment + 1] / LMN_TILE_ROWS + s.segment + 1;
    begin = next > begin ? next : begin + 1;
  }
}

// d_right[segment] = left^T . d_product
KERNEL(grouped_matmul_backward_right) {
  const lmn_grouped_matmul_grad *a = args;
  const size_t K = a->inner, N = a->columns, tiles = lmn_units(K, LMN_GRAD_ROWS);
  while (begin < end) {
    const size_t g = begin / tiles, first = begin % tiles;
    const size_t last = lmn_min(tiles, first + end - begin), k = first * LMN_GRAD_ROWS;
    const size_t count = lmn_min(K, last * LMN_GRAD_ROWS) - k;
    const size_t row = lmn_segment_row(a->offsets, a->rows, g);
    const size_t rows = lmn_segment_row(a->offsets, a->rows, g + 1) - row;
    float *d_right = a->d_right + (g * K + k) * N;
    memset(d_right, 0, count * N * sizeof *d_right);
    matmul_transposed_block(rows, count, N, a->left + row * K + k, K, a->d_product + row * N, N,
                            d_right, N);
    begin += last - first;
  }
}

// sum[segment] = sum of the segment's rows
KERNEL(grouped_row_sum_forward) {
  const lmn_grouped_row_sum *a = args;
  const size_t N = a->columns, panels = lmn_units(N, LMN_TILE_COLUMNS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t g = unit / panels, first = unit % panels * LMN_TILE_COLUMNS;
    const size_t row = lmn_segment_row(a->offsets, a->rows, g);
    const size_t count = lmn_segment_row(a->offsets, a->rows, g + 1) - row;
    row_sum_block(count, lmn_min(N - first, LMN_TILE_COLUMNS), a->matrix + row * N + first, N,
                  a->sum + g * N + first, false);
  }
}

#endif
