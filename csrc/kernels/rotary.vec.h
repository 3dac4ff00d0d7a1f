#ifndef LMN_ROTARY_VEC_H
#define LMN_ROTARY_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/sinusoid.vec.h"

// (a, b) -> (a cos t - b sin t, b cos t + a sin t) for elements i and i + D / 2 of each head. The
// heads of a row share their angles.
KERNEL(rotary_forward) {
  const lmn_rotary *a = args;
  const size_t D = a->head_width, half = D / 2, rotated = a->heads * D;
  for (size_t r = begin; r < end; r++) {
    float sines[LMN_MOST_HEAD_WIDTH / 2], cosines[LMN_MOST_HEAD_WIDTH / 2];
    for (size_t i = 0; i < half; i++) {
      const double turns = (double)a->positions[r] * a->frequencies[i];
      sines[i] = sinusoid_short_turn(a->inverse ? -turns : turns);
      cosines[i] = sinusoid_short_turn(turns + 0.25);
    }
    for (size_t i = 0; i < half; i += VEC_LANES) {
      const size_t lanes = vec_lanes(half - i);
      vec_store(sines + i, sinusoid_at(vec_load(sines + i, lanes)), lanes);
      vec_store(cosines + i, sinusoid_at(vec_load(cosines + i, lanes)), lanes);
    }
    const float *x = a->x + r * a->width;
    float *y = a->rotated + r * a->width;
    for (size_t e = 0; e < rotated; e += D)
      for (size_t i = 0; i < half; i += VEC_LANES) {
        const size_t lanes = vec_lanes(half - i);
        const vec sine = vec_load(sines + i, lanes), cosine = vec_load(cosines + i, lanes);
        const vec first = vec_load(x + e + i, lanes), second = vec_load(x + e + half + i, lanes);
        vec_store(y + e + i, vec_sub(vec_mul(first, cosine), vec_mul(second, sine)), lanes);
        vec_store(y + e + half + i, vec_fma(second, cosine, vec_mul(first, sine)), lanes);
      }
    memcpy(y + rotated, x + rotated, (a->width - rotated) * sizeof *y);
  }
}

#endif
