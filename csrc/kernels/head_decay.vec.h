#ifndef LMN_HEAD_DECAY_VEC_H
#define LMN_HEAD_DECAY_VEC_H

#include "isa/kernel.h"
#include "kernels/row_sum.vec.h"

// decay = -exp(log_rate) * softplus(x + bias), softplus(x) = max(x, 0) + log(1 + exp(-|x|))
KERNEL(head_decay_forward) {
  const lmn_head_decay *a = args;
  const size_t H = a->heads;
  for (size_t h = 0; h < H; h += VEC_LANES) {
    const size_t lanes = vec_lanes(H - h);
    const vec rate = vec_exp(vec_load(a->log_rate + h, lanes)), zero = vec_set(0);
    for (size_t m = begin; m < end; m++) {
      const vec x = vec_add(vec_load(a->x + m * H + h, lanes), vec_load(a->bias + h, lanes));
      const vec above = vec_max(zero, x), below = vec_min(zero, x);  // of NaN: NaN
      const vec rest = vec_log(vec_add(vec_set(1), vec_exp(vec_sub(below, above))));
      const vec softplus = vec_add(above, rest);
      vec_store(a->decay + m * H + h, vec_sub(zero, vec_mul(rate, softplus)), lanes);
    }
  }
}

// d_x = -exp(log_rate) * sigmoid(x + bias) * d_decay
KERNEL(head_decay_backward_x) {
  const lmn_head_decay_grad *a = args;
  const size_t H = a->heads;
  for (size_t h = 0; h < H; h += VEC_LANES) {
    const size_t lanes = vec_lanes(H - h);
    const vec rate = vec_sub(vec_set(0), vec_exp(vec_load(a->log_rate + h, lanes)));
    for (size_t m = begin; m < end; m++) {
      const vec x = vec_add(vec_load(a->x + m * H + h, lanes), vec_load(a->bias + h, lanes));
      const vec slope = vec_mul(rate, vec_sigmoid(x));
      vec_store(a->d_x + m * H + h, vec_mul(slope, vec_load(a->d_decay + m * H + h, lanes)), lanes);
    }
  }
}

// d_log_rate = sum of decay * d_decay, d_bias = sum of d_x
KERNEL(head_decay_backward_heads) {
  const lmn_head_decay_grad *a = args;
  const size_t H = a->heads, last = lmn_min(end * LMN_TILE_COLUMNS, H);
  const size_t first = begin * LMN_TILE_COLUMNS;
  row_sum_block(a->rows, last - first, a->d_x + first, H, a->d_bias + first, false);
  for (size_t h = first; h < last; h += VEC_LANES) {
    const size_t lanes = vec_lanes(last - h);
    vec total = vec_set(0);
    for (size_t m = 0; m < a->rows; m += ROW_SUM_DEPTH) {
      vec part = vec_set(0);
      for (size_t r = m; r < lmn_min(m + ROW_SUM_DEPTH, a->rows); r++)
        part = vec_fma(vec_load(a->decay + r * H + h, lanes),
                       vec_load(a->d_decay + r * H + h, lanes), part);
      total = vec_add(total, part);
    }
    vec_store(a->d_log_rate + h, total, lanes);
  }
}

#endif
