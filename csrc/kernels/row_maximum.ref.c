#include "kernels/units.h"

void row_maximum_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_row_maximum *a = args;
  for (size_t c = begin * LMN_TILE_COLUMNS; c < end * LMN_TILE_COLUMNS && c < a->columns; c++) {
    size_t best = 0;
    while (a->weights[best] == 0) best++;
    for (size_t r = best + 1; r < a->rows; r++)
      if (a->weights[r] != 0 && a->matrix[r * a->columns + c] > a->matrix[best * a->columns + c])
        best = r;
    a->maximum[c] = a->matrix[best * a->columns + c];
    a->row[c] = (int32_t)best;
  }
}

void row_maximum_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_row_maximum_grad *a = args;
  for (size_t r = begin; r < end; r++)
    for (size_t c = 0; c < a->columns; c++)
      a->d_matrix[r * a->columns + c] = (size_t)a->row[c] == r ? a->d_maximum[c] : 0;
}
