#include "kernels/units.h"

void row_sum_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_row_sum *a = args;
  for (size_t c = begin * LMN_TILE_COLUMNS; c < end * LMN_TILE_COLUMNS && c < a->columns; c++) {
    double sum = 0;
    for (size_t r = 0; r < a->rows; r++) sum += a->matrix[r * a->columns + c];
    a->sum[c] = (float)sum;
  }
}
