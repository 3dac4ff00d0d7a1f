#include <math.h>

#include "kernels/units.h"

void head_decay_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_head_decay *a = args;
  for (size_t m = begin; m < end; m++)
    for (size_t h = 0; h < a->heads; h++) {
      const double x = (double)a->x[m * a->heads + h] + a->bias[h];
      const double softplus = fmax(x, 0) + log1p(exp(-fabs(x)));
      a->decay[m * a->heads + h] = (float)(-exp(a->log_rate[h]) * softplus);
    }
}

void head_decay_backward_x_reference(const void *args, size_t begin, size_t end) {
  const lmn_head_decay_grad *a = args;
  for (size_t m = begin; m < end; m++)
    for (size_t h = 0; h < a->heads; h++) {
      const double x = (double)a->x[m * a->heads + h] + a->bias[h];
      a->d_x[m * a->heads + h] =
          (float)(-exp(a->log_rate[h]) / (1 + exp(-x)) * a->d_decay[m * a->heads + h]);
    }
}

void head_decay_backward_heads_reference(const void *args, size_t begin, size_t end) {
  const lmn_head_decay_grad *a = args;
  for (size_t h = begin * LMN_TILE_COLUMNS; h < lmn_min(end * LMN_TILE_COLUMNS, a->heads); h++) {
    double rate = 0, bias = 0;
    for (size_t m = 0; m < a->rows; m++) {
      rate += (double)a->decay[m * a->heads + h] * a->d_decay[m * a->heads + h];
      bias += a->d_x[m * a->heads + h];
    }
    a->d_log_rate[h] = (float)rate;
    a->d_bias[h] = (float)bias;
  }
}
