#include "kernels/grouped_matmul.h"

void grouped_matmul_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_grouped_matmul *a = args;
  const size_t K = a->inner, N = a->columns;
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_segment_rows s =
        lmn_segment_tile_rows(a->offsets, a->rows, a->segments, unit, unit + 1);
    for (size_t m = s.row; m < s.end; m++)
      for (size_t n = 0; n < N; n++) {
        double sum = a->bias ? a->bias[s.segment * N + n] : 0;
        for (size_t k = 0; k < K; k++)
          sum += (double)a->left[m * K + k] * a->right[(s.segment * K + k) * N + n];
        a->product[m * N + n] = (float)sum;
      }
  }
}

void grouped_matmul_backward_right_reference(const void *args, size_t begin, size_t end) {
  const lmn_grouped_matmul_grad *a = args;
  const size_t K = a->inner, N = a->columns, tiles = lmn_units(K, LMN_GRAD_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t g = unit / tiles, first = unit % tiles * LMN_GRAD_ROWS;
    const size_t row = lmn_segment_row(a->offsets, a->rows, g);
    const size_t last = lmn_segment_row(a->offsets, a->rows, g + 1);
    for (size_t k = first; k < lmn_min(first + LMN_GRAD_ROWS, K); k++)
      for (size_t n = 0; n < N; n++) {
        double sum = 0;
        for (size_t m = row; m < last; m++)
          sum += (double)a->left[m * K + k] * a->d_product[m * N + n];
        a->d_right[(g * K + k) * N + n] = (float)sum;
      }
  }
}

void grouped_row_sum_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_grouped_row_sum *a = args;
  const size_t N = a->columns, panels = lmn_units(N, LMN_TILE_COLUMNS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t g = unit / panels, first = unit % panels * LMN_TILE_COLUMNS;
    const size_t row = lmn_segment_row(a->offsets, a->rows, g);
    const size_t last = lmn_segment_row(a->offsets, a->rows, g + 1);
    for (size_t n = first; n < lmn_min(first + LMN_TILE_COLUMNS, N); n++) {
      double sum = 0;
      for (size_t m = row; m < last; m++) sum += a->matrix[m * N + n];
      a->sum[g * N + n] = (float)sum;
    }
  }
}
