#ifndef LMN_TRANSPOSE_VEC_H
#define LMN_TRANSPOSE_VEC_H

#include "isa/kernel.h"

/// transposed[c][r] = matrix[r][c], in squares of vectors.
LMN_INLINE void transpose_block(size_t rows, size_t columns, const float *matrix, size_t stride,
                                float *transposed, size_t transposed_stride) {
  for (size_t r = 0; r < rows; r += VEC_LANES) {
    const size_t height = vec_lanes(rows - r);
    for (size_t c = 0; c < columns; c += VEC_LANES) {
      const size_t width = vec_lanes(columns - c);
      vec square[VEC_LANES];
      if (height == VEC_LANES && width == VEC_LANES) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < VEC_LANES; i++)
          square[i] = vec_load(matrix + (r + i) * stride + c, VEC_LANES);
        vec_transpose(square);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < VEC_LANES; i++)
          vec_store(transposed + (c + i) * transposed_stride + r, square[i], VEC_LANES);
      } else {
        for (size_t i = 0; i < VEC_LANES; i++)
          square[i] = i < height ? vec_load(matrix + (r + i) * stride + c, width) : vec_set(0);
        vec_transpose(square);
        for (size_t i = 0; i < width; i++)
          vec_store(transposed + (c + i) * transposed_stride + r, square[i], height);
      }
    }
  }
}

// transposed[m][c][r] = matrix[m][r][c], in squares of whole cache lines of both matrices.
KERNEL(transpose_forward) {
  const lmn_transpose *a = args;
  enum { SIDE = 16 };
  for (size_t unit = begin; unit < end;) {
    const size_t m = unit / a->columns, c = unit % a->columns;
    const size_t width = lmn_min(lmn_min(SIDE, a->columns - c), end - unit);
    const float *columns = a->matrix + m * a->rows * a->columns + c;
    float *rows = a->transposed + unit * a->rows;
    for (size_t first = 0; first < a->rows; first += SIDE)
      for (size_t i = 0; i < width; i++)
        for (size_t r = first; r < lmn_min(first + SIDE, a->rows); r++)
          rows[i * a->rows + r] = columns[r * a->columns + i];
    unit += width;
  }
}

#endif
