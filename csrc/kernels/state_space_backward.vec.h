// Chunks from the last to the first. The states within a chunk are computed again from those that
// the forward pass kept.
#ifndef LMN_STATE_SPACE_BACKWARD_VEC_H
#define LMN_STATE_SPACE_BACKWARD_VEC_H

#include "kernels/state_space.vec.h"

/// Rows of tokens of VEC_LANES channels.
typedef struct {
  size_t count, E, lanes;
  vec y[LMN_STATE_SPACE_CHUNK], d_s[LMN_STATE_SPACE_CHUNK], d_y[LMN_STATE_SPACE_CHUNK];
} state_space_tokens;

/// Pulls a chunk back through some states: with d_h = d_next + conj(w) * d_s[t], per token,
///   d_y[t] += Re(d_h);  d_a += d_h * conj(h[t]);  d_w += d_s[t] * conj(h[t + 1])
/// and d_next = conj(a) * d_h for the token before. `h` are the states before each token and after
/// the last.
LMN_INLINE void state_space_pull_back(state_space_tokens *tokens, const state_space_group *h,
                                      size_t first, size_t states, const float *coefficients,
                                      float *d_state, float *d_coefficients) {
  const size_t E = tokens->E, lanes = tokens->lanes;
  const state_space_group a = state_space_load(coefficients, 4, states, E, lanes);
  const state_space_group w = state_space_load(coefficients + 2 * E, 4, states, E, lanes);
  state_space_group d_next = state_space_load(d_state, 2, states, E, lanes);
  state_space_group d_a, d_w;
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n++) d_a.re[n] = d_a.im[n] = d_w.re[n] = d_w.im[n] = vec_set(0);
  for (size_t t = tokens->count; t-- > 0;) {
    const vec d_s = tokens->d_s[t];
    vec d_y = tokens->d_y[t];
#pragma clang loop unroll(full)
    for (size_t n = 0; n < states; n++) {
      const vec re = vec_fma(w.re[n], d_s, d_next.re[n]);
      const vec im = vec_fma(vec_negative(w.im[n]), d_s, d_next.im[n]);
      const vec h_re = h[t].re[first + n], h_im = h[t].im[first + n];
      d_y = vec_add(d_y, re);
      d_w.re[n] = vec_fma(d_s, h[t + 1].re[first + n], d_w.re[n]);
      d_w.im[n] = vec_fma(vec_negative(d_s), h[t + 1].im[first + n], d_w.im[n]);
      d_a.re[n] = vec_fma(re, h_re, vec_fma(im, h_im, d_a.re[n]));
      d_a.im[n] = vec_fma(im, h_re, vec_fma(vec_negative(re), h_im, d_a.im[n]));
      d_next.re[n] = vec_fma(a.re[n], re, vec_mul(a.im[n], im));
      d_next.im[n] = vec_fma(a.re[n], im, vec_mul(vec_negative(a.im[n]), re));
    }
    tokens->d_y[t] = d_y;
  }
  state_space_store(d_state, &d_next, states, E, lanes);
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n++) {
    const vec sums[4] = {d_a.re[n], d_a.im[n], d_w.re[n], d_w.im[n]};
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 4; i++) {
      float *sum = d_coefficients + (4 * n + i) * E;
      vec_store(sum, vec_add(vec_load(sum, lanes), sums[i]), lanes);
    }
  }
}

/// Pulls a chunk back through a group of states, computed again from those `before` the chunk.
LMN_INLINE void state_space_chunk_backward(state_space_tokens *tokens, size_t states,
                                           const float *coefficients, const float *before,
                                           float *d_state, float *d_coefficients) {
  enum { HALF = STATE_SPACE_GROUP / 2 };
  const size_t E = tokens->E, lanes = tokens->lanes;
  const state_space_group a = state_space_load(coefficients, 4, states, E, lanes);
  state_space_group h[1 + LMN_STATE_SPACE_CHUNK];
  h[0] = state_space_load(before, 2, states, E, lanes);
  state_space_group current = h[0];
  for (size_t t = 0; t < tokens->count; t++) {
    state_space_advance(&current, &a, tokens->y[t], states);
#pragma clang loop unroll(full)
    for (size_t n = 0; n < states; n++) {
      h[t + 1].re[n] = current.re[n];
      h[t + 1].im[n] = current.im[n];
    }
  }
#pragma clang loop unroll(full)
  for (size_t n = 0; n < states; n += HALF)
    state_space_pull_back(tokens, h, n, states < HALF ? states : HALF, coefficients + n * 4 * E,
                          d_state + n * 2 * E, d_coefficients + n * 4 * E);
}

// The pullback of state_space_forward.
KERNEL(state_space_backward) {
  const lmn_state_space_grad *a = args;
  const size_t E = a->width, P = a->states, L = a->length;
  const size_t last = lmn_min(end * LMN_STATE_SPACE_CHANNELS, E);
  for (size_t e = begin * LMN_STATE_SPACE_CHANNELS; e < last; e += VEC_LANES) {
    state_space_tokens tokens = {.E = E, .lanes = vec_lanes(last - e)};
    const size_t lanes = tokens.lanes;
    for (size_t row = 0; row < 4 * P; row++)
      vec_store(a->d_coefficients + row * E + e, vec_set(0), lanes);
    const vec skip = vec_load(a->skip + e, lanes);
    vec d_skip = vec_set(0);
    for (size_t chunk = lmn_units(L, LMN_STATE_SPACE_CHUNK); chunk-- > 0;) {
      const size_t start = chunk * LMN_STATE_SPACE_CHUNK;
      tokens.count = lmn_min(L - start, LMN_STATE_SPACE_CHUNK);
      vec along = vec_set(0);
      for (size_t t = 0; t < tokens.count; t++) {
        tokens.y[t] = vec_load(a->y + (start + t) * E + e, lanes);
        tokens.d_s[t] = vec_load(a->d_s + (start + t) * E + e, lanes);
        tokens.d_y[t] = vec_mul(skip, tokens.d_s[t]);
        along = vec_fma(tokens.y[t], tokens.d_s[t], along);
      }
      d_skip = vec_add(d_skip, along);
      const float *before = a->carried + chunk * P * 2 * E + e;
      size_t n = 0;
      for (; n + STATE_SPACE_GROUP <= P; n += STATE_SPACE_GROUP)
        state_space_chunk_backward(&tokens, STATE_SPACE_GROUP, a->coefficients + n * 4 * E + e,
                                   before + n * 2 * E, a->d_state + n * 2 * E + e,
                                   a->d_coefficients + n * 4 * E + e);
      for (; n < P; n++)
        state_space_chunk_backward(&tokens, 1, a->coefficients + n * 4 * E + e, before + n * 2 * E,
                                   a->d_state + n * 2 * E + e, a->d_coefficients + n * 4 * E + e);
      for (size_t t = 0; t < tokens.count; t++)
        vec_store(a->d_y + (start + t) * E + e, tokens.d_y[t], lanes);
    }
    vec_store(a->d_skip + e, d_skip, lanes);
  }
}

#endif
