// A vector holds channels: states of one register are independent, and rows are contiguous. The
// states of a chunk are advanced a few at a time in registers, and outputs added up beside them.
#ifndef LMN_STATE_SPACE_VEC_H
#define LMN_STATE_SPACE_VEC_H

#include "isa/kernel.h"

/// States that advance together: enough for their chains of multiply-adds to hide each other's
/// latency, few enough for the registers.
enum { STATE_SPACE_GROUP = 4 };

/// Some states of VEC_LANES channels.
typedef struct {
  vec re[STATE_SPACE_GROUP], im[STATE_SPACE_GROUP];
} state_space_group;

LMN_INLINE state_space_group state_space_load(const float *rows, size_t row_step, size_t states,
                                              size_t E, size_t lanes) {
  state_space_group group;
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n++) {
    group.re[n] = vec_load(rows + n * row_step * E, lanes);
    group.im[n] = vec_load(rows + (n * row_step + 1) * E, lanes);
  }
  return group;
}

LMN_INLINE void state_space_store(float *rows, const state_space_group *h, size_t states, size_t E,
                                  size_t lanes) {
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n++) {
    vec_store(rows + 2 * n * E, h->re[n], lanes);
    vec_store(rows + (2 * n + 1) * E, h->im[n], lanes);
  }
}

/// h = a * h + y
LMN_INLINE void state_space_advance(state_space_group *h, const state_space_group *a, vec y,
                                    size_t states) {
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n++) {
    const vec re = h->re[n];
    h->re[n] = vec_fma(a->re[n], re, vec_fma(vec_negative(a->im[n]), h->im[n], y));
    h->im[n] = vec_fma(a->re[n], h->im[n], vec_mul(a->im[n], re));
  }
}

/// s + sum over the states of Re(w * h)
LMN_INLINE vec state_space_output(vec s, const state_space_group *w, const state_space_group *h,
                                  size_t states) {
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n++)
    s = vec_fma(w->re[n], h->re[n], vec_fma(vec_negative(w->im[n]), h->im[n], s));
  return s;
}

/// Advances some states by a chunk; adds their outputs to `s`.
LMN_INLINE void state_space_chunk(const float *coefficients, const float *before, float *next,
                                  const vec *y, vec *s, size_t count, size_t states, size_t E,
                                  size_t lanes) {
  const state_space_group a = state_space_load(coefficients, 4, states, E, lanes);
  const state_space_group w = state_space_load(coefficients + 2 * E, 4, states, E, lanes);
  state_space_group h = state_space_load(before, 2, states, E, lanes);
  for (size_t t = 0; t < count; t++) {
    state_space_advance(&h, &a, y[t], states);
    s[t] = state_space_output(s[t], &w, &h, states);
  }
  state_space_store(next, &h, states, E, lanes);
}

// state = a * state + y[t];  s[t] = sum over the states of Re(w * state) + skip * y[t]
KERNEL(state_space_forward) {
  const lmn_state_space *a = args;
  const size_t E = a->width, P = a->states, L = a->length;
  const size_t last = lmn_min(end * LMN_STATE_SPACE_CHANNELS, E);
  for (size_t e = begin * LMN_STATE_SPACE_CHANNELS; e < last; e += VEC_LANES) {
    const size_t lanes = vec_lanes(last - e);
    const vec skip = vec_load(a->skip + e, lanes);
    const float *before = a->carried + e;
    for (size_t start = 0; start < L; start += LMN_STATE_SPACE_CHUNK, before += P * 2 * E) {
      const size_t count = lmn_min(L - start, LMN_STATE_SPACE_CHUNK);
      vec y[LMN_STATE_SPACE_CHUNK], s[LMN_STATE_SPACE_CHUNK];
      for (size_t t = 0; t < count; t++) {
        y[t] = vec_load(a->y + (start + t) * E + e, lanes);
        s[t] = vec_mul(skip, y[t]);
      }
      float *next = a->carried + (before - a->carried) + P * 2 * E;
      size_t n = 0;
      for (; n + STATE_SPACE_GROUP <= P; n += STATE_SPACE_GROUP)
        state_space_chunk(a->coefficients + n * 4 * E + e, before + n * 2 * E, next + n * 2 * E, y,
                          s, count, STATE_SPACE_GROUP, E, lanes);
      for (; n < P; n++)
        state_space_chunk(a->coefficients + n * 4 * E + e, before + n * 2 * E, next + n * 2 * E, y,
                          s, count, 1, E, lanes);
      for (size_t t = 0; t < count; t++) vec_store(a->s + (start + t) * E + e, s[t], lanes);
    }
  }
}

// The same for one token of every stream.
KERNEL(state_space_step_forward) {
  const lmn_state_space_step *a = args;
  const size_t E = a->width, P = a->states, groups = lmn_units(E, LMN_STATE_SPACE_CHANNELS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t stream = unit / groups, first = unit % groups * LMN_STATE_SPACE_CHANNELS;
    const size_t last = lmn_min(first + LMN_STATE_SPACE_CHANNELS, E);
    for (size_t e = first; e < last; e += VEC_LANES) {
      const size_t lanes = vec_lanes(last - e);
      const vec y = vec_load(a->y + stream * E + e, lanes);
      vec s = vec_mul(vec_load(a->skip + e, lanes), y);
      for (size_t n = 0; n < P; n++) {
        float *state = a->state + (stream * P + n) * 2 * E + e;
        const float *coefficients = a->coefficients + n * 4 * E + e;
        state_space_chunk(coefficients, state, state, &y, &s, 1, 1, E, lanes);
      }
      vec_store(a->s + stream * E + e, s, lanes);
    }
  }
}

#endif
