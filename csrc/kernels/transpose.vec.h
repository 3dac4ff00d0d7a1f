#ifndef LMN_TRANSPOSE_VEC_H
#define LMN_TRANSPOSE_VEC_H

#include "isa/kernel.h"

/// transposed[c][r] = factor * matrix[r][c], in squares of vectors.
LMN_INLINE void transpose_block(size_t rows, size_t columns, float factor, const float *matrix,
                                size_t stride, float *transposed, size_t transposed_stride) {
  const vec scale = vec_set(factor);
  for (size_t r = 0; r < rows; r += VEC_LANES) {
    const size_t height = vec_lanes(rows - r);
    for (size_t c = 0; c < columns; c += VEC_LANES) {
      const size_t width = vec_lanes(columns - c);
      vec square[VEC_LANES];
      if (height == VEC_LANES && width == VEC_LANES) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < VEC_LANES; i++)
          square[i] = vec_mul(scale, vec_load(matrix + (r + i) * stride + c, VEC_LANES));
        vec_transpose(square);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < VEC_LANES; i++)
          vec_store(transposed + (c + i) * transposed_stride + r, square[i], VEC_LANES);
      } else {
        for (size_t i = 0; i < VEC_LANES; i++)
          square[i] = i < height ? vec_mul(scale, vec_load(matrix + (r + i) * stride + c, width))
                                 : vec_set(0);
        vec_transpose(square);
        for (size_t i = 0; i < width; i++)
          vec_store(transposed + (c + i) * transposed_stride + r, square[i], height);
      }
    }
  }
}

// transposed[m][c][r] = matrix[m][r][c]
KERNEL(transpose_forward) {
  const lmn_transpose *a = args;
  for (size_t unit = begin; unit < end;) {
    const size_t m = unit / a->columns, c = unit % a->columns;
    const size_t width = lmn_min(a->columns - c, end - unit);
    transpose_block(a->rows, width, 1, a->matrix + m * a->rows * a->columns + c, a->columns,
                    a->transposed + unit * a->rows, a->rows);
    unit += width;
  }
}

#endif
