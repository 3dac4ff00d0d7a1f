#ifndef LMN_SINUSOID_VEC_H
#define LMN_SINUSOID_VEC_H

#include <math.h>

#include "isa/kernel.h"

/// The turn in [-1/4, 1/4] with the sine of `turns`.
LMN_INLINE float sinusoid_short_turn(double turns) {
  const double rest = turns - rint(turns);
  return (float)copysign(0.25 - fabs(fabs(rest) - 0.25), rest);
}

/// sin(2 pi t) of turns in [-1/4, 1/4]: the polynomial is sin(2 pi t) / t to 5e-8.
LMN_INLINE vec sinusoid_of(vec turns) {
  const vec square = vec_mul(turns, turns);
  vec p = vec_set(39.710915f);
  p = vec_fma(p, square, vec_set(-76.57499f));
  p = vec_fma(p, square, vec_set(81.602234f));
  p = vec_fma(p, square, vec_set(-41.34168f));
  p = vec_fma(p, square, vec_set(6.2831855f));
  return vec_mul(p, turns);
}

// encodings[r][2i] = sin(2 pi t), encodings[r][2i + 1] = cos(2 pi t), t = positions[r] *
// frequencies[i]: a cosine is the sine a quarter turn later. Turns are in double precision, so that
// accuracy does not depend on the position.
KERNEL(sinusoid_forward) {
  const lmn_sinusoid *a = args;
  const size_t E = a->width;
  for (size_t r = begin; r < end; r++)
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      float turns[VEC_LANES] = {0};
      for (size_t l = 0; l < lanes; l++)
        turns[l] = sinusoid_short_turn((double)a->positions[r] * a->frequencies[(e + l) / 2] +
                                       0.25 * ((e + l) % 2));
      vec_store(a->encodings + r * E + e, sinusoid_of(vec_load(turns, VEC_LANES)), lanes);
    }
}

#endif
