#ifndef LMN_ROW_MAXIMUM_VEC_H
#define LMN_ROW_MAXIMUM_VEC_H

#include <stdbool.h>

#include "isa/kernel.h"

// maximum[c] = maximum over rows of matrix[r][c], in the order of memory
KERNEL(row_maximum_forward) {
  const lmn_row_maximum *a = args;
  const size_t first = begin * LMN_TILE_COLUMNS;
  const size_t last = lmn_min(end * LMN_TILE_COLUMNS, a->columns);
  float *restrict maximum = a->maximum;
  int32_t *restrict row = a->row;
  bool is_first = true;
  for (size_t r = 0; r < a->rows; r++) {
    if (a->weights[r] == 0) continue;
    const float *values = a->matrix + r * a->columns;
    for (size_t c = first; c < last; c++) {
      const bool is_larger = is_first || values[c] > maximum[c];
      maximum[c] = is_larger ? values[c] : maximum[c];
      row[c] = is_larger ? (int32_t)r : row[c];
    }
    is_first = false;
  }
}

// d_matrix[r][c] = d_maximum[c] at the maximum, otherwise 0
KERNEL(row_maximum_backward) {
  const lmn_row_maximum_grad *a = args;
  for (size_t r = begin; r < end; r++) {
    float *restrict d_values = a->d_matrix + r * a->columns;
    for (size_t c = 0; c < a->columns; c++)
      d_values[c] = a->row[c] == (int32_t)r ? a->d_maximum[c] : 0;
  }
}

#endif
