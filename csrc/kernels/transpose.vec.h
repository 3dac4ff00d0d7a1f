#ifndef LMN_TRANSPOSE_VEC_H
#define LMN_TRANSPOSE_VEC_H

#include "isa/kernel.h"

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
