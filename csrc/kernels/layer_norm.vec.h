#ifndef LMN_LAYER_NORM_VEC_H
#define LMN_LAYER_NORM_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/row_sum.vec.h"

// normalized = (x - mean) * scale * gain + bias, scale = 1 / sqrt(variance + epsilon)
KERNEL(layer_norm_forward) {
  const lmn_layer_norm *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E;
    vec sum = vec_set(0), squares = vec_set(0);
    for (size_t e = 0; e < E; e += VEC_LANES) sum = vec_add(sum, vec_load(x + e, vec_lanes(E - e)));
    const float mean = vec_sum(sum) / (float)E;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec off = vec_first(vec_sub(vec_load(x + e, lanes), vec_set(mean)), lanes, 0);
      squares = vec_fma(off, off, squares);
    }
    const float scale = 1 / sqrtf(vec_sum(squares) / (float)E + a->epsilon);
    a->mean[m] = mean;
    a->scale[m] = scale;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec normal = vec_mul(vec_sub(vec_load(x + e, lanes), vec_set(mean)), vec_set(scale));
      const vec gain = vec_load(a->gain + e, lanes), bias = vec_load(a->bias + e, lanes);
      vec_store(a->normalized + m * E + e, vec_fma(normal, gain, bias), lanes);
    }
  }
}

// With n = (x - mean) * scale and d = gain * dy:  d_x = scale * (d - mean(d) - n * mean(d * n))
KERNEL(layer_norm_backward_x) {
  const lmn_layer_norm_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E, *dy = a->d_normalized + m * E;
    const vec mean = vec_set(a->mean[m]), scale = vec_set(a->scale[m]);
    vec sum = vec_set(0), along = vec_set(0);
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec normal = vec_mul(vec_sub(vec_load(x + e, lanes), mean), scale);
      const vec d = vec_mul(vec_load(a->gain + e, lanes), vec_load(dy + e, lanes));
      sum = vec_add(sum, d);
      along = vec_fma(d, normal, along);
    }
    const vec d_mean = vec_set(vec_sum(sum) / (float)E),
              d_along = vec_set(vec_sum(along) / (float)E);
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec normal = vec_mul(vec_sub(vec_load(x + e, lanes), mean), scale);
      const vec d = vec_mul(vec_load(a->gain + e, lanes), vec_load(dy + e, lanes));
      const vec rest = vec_sub(vec_sub(d, d_mean), vec_mul(normal, d_along));
      vec_store(a->d_x + m * E + e, vec_mul(rest, scale), lanes);
    }
  }
}

// d_gain = sum over rows of dy * n;  d_bias = sum over rows of dy
KERNEL(layer_norm_backward_gain) {
  const lmn_layer_norm_grad *a = args;
  const size_t E = a->width, last = lmn_min(end * LMN_TILE_COLUMNS, E);
  for (size_t e = begin * LMN_TILE_COLUMNS; e < last; e += VEC_LANES) {
    const size_t lanes = vec_lanes(last - e);
    vec gain = vec_set(0), bias = vec_set(0);
    for (size_t m = 0; m < a->rows; m += ROW_SUM_DEPTH) {
      vec gain_part = vec_set(0), bias_part = vec_set(0);
      for (size_t r = m; r < lmn_min(m + ROW_SUM_DEPTH, a->rows); r++) {
        const vec off = vec_sub(vec_load(a->x + r * E + e, lanes), vec_set(a->mean[r]));
        const vec dy = vec_load(a->d_normalized + r * E + e, lanes);
        gain_part = vec_fma(dy, vec_mul(off, vec_set(a->scale[r])), gain_part);
        bias_part = vec_add(bias_part, dy);
      }
      gain = vec_add(gain, gain_part);
      bias = vec_add(bias, bias_part);
    }
    vec_store(a->d_gain + e, gain, lanes);
    vec_store(a->d_bias + e, bias, lanes);
  }
}

#endif
