#include "kernels/units.h"

void matmul_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_matmul *a = args;
  const size_t panels = lmn_units(a->columns, LMN_TILE_COLUMNS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t top = unit / panels * LMN_TILE_ROWS;
    const size_t left = unit % panels * LMN_TILE_COLUMNS;
    for (size_t i = top; i < top + LMN_TILE_ROWS && i < a->rows; i++)
      for (size_t j = left; j < left + LMN_TILE_COLUMNS && j < a->columns; j++) {
        double sum = a->bias ? a->bias[j] : 0;
        for (size_t k = 0; k < a->inner; k++)
          sum += (double)a->left[i * a->inner + k] * a->right[k * a->columns + j];
        a->product[i * a->columns + j] = (float)sum;
      }
  }
}

void matmul_backward_right_reference(const void *args, size_t begin, size_t end) {
  const lmn_matmul_grad *a = args;
  const size_t panels = lmn_units(a->columns, LMN_TILE_COLUMNS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t top = unit / panels * LMN_GRAD_ROWS;
    const size_t left = unit % panels * LMN_TILE_COLUMNS;
    for (size_t k = top; k < top + LMN_GRAD_ROWS && k < a->inner; k++)
      for (size_t j = left; j < left + LMN_TILE_COLUMNS && j < a->columns; j++) {
        double sum = 0;
        for (size_t i = 0; i < a->rows; i++)
          sum += (double)a->left[i * a->inner + k] * a->d_product[i * a->columns + j];
        a->d_right[k * a->columns + j] = (float)sum;
      }
  }
}
