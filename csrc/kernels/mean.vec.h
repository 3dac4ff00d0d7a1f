#ifndef LMN_MEAN_VEC_H
#define LMN_MEAN_VEC_H

#include "isa/kernel.h"
#include "kernels/counted.h"

// mean = sum of the counted values of a row / their number, in double precision.
KERNEL(mean_forward) {
  const lmn_mean *a = args;
  for (size_t r = begin; r < end; r++) {
    const int32_t *targets = lmn_targets_of_row(a->targets, a->columns, r);
    double sum = 0;
    for (size_t c = 0; c < a->columns; c++)
      if (lmn_counts(targets, c)) sum += (double)a->values[r * a->columns + c];
    const size_t counted = lmn_counted(targets, a->columns);
    a->mean[r] = counted > 0 ? (float)(sum / (double)counted) : 0;
  }
}

// d_value = d_mean / number of counted values
KERNEL(mean_backward) {
  const lmn_mean_grad *a = args;
  for (size_t r = begin; r < end; r++) {
    const int32_t *targets = lmn_targets_of_row(a->targets, a->columns, r);
    const vec share = vec_set(a->d_mean[r] / (float)lmn_counted(targets, a->columns));
    float *d_values = a->d_values + r * a->columns;
    for (size_t c = 0; c < a->columns; c += VEC_LANES)
      vec_store(d_values + c, share, vec_lanes(a->columns - c));
    for (size_t c = 0; targets && c < a->columns; c++)
      if (!lmn_counts(targets, c)) d_values[c] = 0;
  }
}

#endif
