#include "kernels/units.h"

void mean_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_mean *a = args;
  for (size_t r = begin; r < end; r++) {
    double sum = 0;
    for (size_t c = 0; c < a->columns; c++) sum += a->values[r * a->columns + c];
    a->mean[r] = (float)(sum / (double)a->columns);
  }
}

void mean_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_mean_grad *a = args;
  for (size_t r = begin; r < end; r++)
    for (size_t c = 0; c < a->columns; c++)
      a->d_values[r * a->columns + c] = a->d_mean[r] / (float)a->columns;
}
