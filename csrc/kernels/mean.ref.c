#include "kernels/counted.h"
#include "kernels/units.h"

void mean_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_mean *a = args;
  for (size_t r = begin; r < end; r++) {
    const int32_t *targets = lmn_targets_of_row(a->targets, a->columns, r);
    double sum = 0;
    for (size_t c = 0; c < a->columns; c++)
      if (lmn_counts(targets, c)) sum += a->values[r * a->columns + c];
    const size_t counted = lmn_counted(targets, a->columns);
    a->mean[r] = counted > 0 ? (float)(sum / (double)counted) : 0;
  }
}

void mean_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_mean_grad *a = args;
  for (size_t r = begin; r < end; r++) {
    const int32_t *targets = lmn_targets_of_row(a->targets, a->columns, r);
    const size_t counted = lmn_counted(targets, a->columns);
    for (size_t c = 0; c < a->columns; c++)
      a->d_values[r * a->columns + c] = lmn_counts(targets, c) ? a->d_mean[r] / (float)counted : 0;
  }
}
