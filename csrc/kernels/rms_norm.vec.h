#ifndef LMN_RMS_NORM_VEC_H
#define LMN_RMS_NORM_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/row_sum.vec.h"

/// Gains of the features from e on.
LMN_INLINE vec rms_norm_gain(const float *gain, size_t e, size_t lanes) {
  return gain ? vec_load(gain + e, lanes) : vec_set(1);
}

// normalized = x * scale * gain, scale = 1 / sqrt(mean(x^2) + epsilon)
KERNEL(rms_norm_forward) {
  const lmn_rms_norm *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E;
    const float scale = 1 / sqrtf(vec_dot(x, x, E) / (float)E + a->epsilon);
    a->scale[m] = scale;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec normal = vec_mul(vec_load(x + e, lanes), vec_set(scale));
      vec_store(a->normalized + m * E + e, vec_mul(normal, rms_norm_gain(a->gain, e, lanes)),
                lanes);
    }
  }
}

// d_x = scale * (gain * dy - x * scale^2 * mean(gain * dy * x))
KERNEL(rms_norm_backward_x) {
  const lmn_rms_norm_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * E, *dy = a->d_normalized + m * E;
    const float scale = a->scale[m];
    vec along = vec_set(0);
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec d = vec_mul(rms_norm_gain(a->gain, e, lanes), vec_load(dy + e, lanes));
      along = vec_fma(d, vec_load(x + e, lanes), along);
    }
    const vec back = vec_set(-scale * scale * vec_sum(along) / (float)E);
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec d = vec_mul(rms_norm_gain(a->gain, e, lanes), vec_load(dy + e, lanes));
      const vec d_x = vec_mul(vec_fma(back, vec_load(x + e, lanes), d), vec_set(scale));
      vec_store(a->d_x + m * E + e, d_x, lanes);
    }
  }
}

// d_gain = sum over rows of dy * x * scale
KERNEL(rms_norm_backward_gain) {
  const lmn_rms_norm_grad *a = args;
  const size_t E = a->width, last = lmn_min(end * LMN_TILE_COLUMNS, E);
  for (size_t e = begin * LMN_TILE_COLUMNS; e < last; e += VEC_LANES) {
    const size_t lanes = vec_lanes(last - e);
    vec total = vec_set(0);
    for (size_t m = 0; m < a->rows; m += ROW_SUM_DEPTH) {
      vec part = vec_set(0);
      for (size_t r = m; r < lmn_min(m + ROW_SUM_DEPTH, a->rows); r++) {
        const vec normal = vec_mul(vec_load(a->x + r * E + e, lanes), vec_set(a->scale[r]));
        part = vec_fma(vec_load(a->d_normalized + r * E + e, lanes), normal, part);
      }
      total = vec_add(total, part);
    }
    vec_store(a->d_gain + e, total, lanes);
  }
}

#endif
