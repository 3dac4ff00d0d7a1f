#ifndef LMN_SHORT_CONV_VEC_H
#define LMN_SHORT_CONV_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/activation.vec.h"
#include "kernels/row_sum.vec.h"
#include "kernels/short_conv.h"
#include "kernels/stream_choices.h"

/// The convolution before the activation, of some channels of row `i` of a segment. W is
/// a->taps_count.
LMN_INLINE vec short_conv_at(const lmn_short_conv *a, lmn_conv_segment s, const size_t W, size_t i,
                             size_t e, size_t lanes) {
  vec sum = vec_set(0);
  for (size_t j = 0; j < W; j++)
    sum = vec_fma(vec_load(a->taps + j * a->width + e, lanes),
                  vec_load(lmn_conv_input(a, s, i + j) + e, lanes), sum);
  return sum;
}

LMN_INLINE void short_conv_rows(const lmn_short_conv *a, lmn_conv_segment s, const size_t W,
                                size_t first, size_t last) {
  for (size_t i = 0; i < s.count; i++)
    for (size_t e = first; e < last; e += VEC_LANES) {
      const size_t lanes = vec_lanes(last - e);
      const vec sum = short_conv_at(a, s, W, i, e, lanes);
      vec_store(a->activated + (s.row + i) * a->width + e, vec_mul(sum, vec_sigmoid(sum)), lanes);
    }
}

// activated[i] = silu(sum over j of taps[j] * x[i - W + 1 + j])
KERNEL(short_conv_forward) {
  const lmn_short_conv *a = args;
  const size_t E = a->width, W = a->taps_count;
  const size_t first = begin * LMN_TILE_COLUMNS, last = lmn_min(end * LMN_TILE_COLUMNS, E);
  for (size_t g = 0; g < a->segments; g++) {
    const lmn_conv_segment s = lmn_conv_segment_at(a, g);
    if (W == 4)
      short_conv_rows(a, s, 4, first, last);
    else
      short_conv_rows(a, s, W, first, last);
    for (size_t i = 0; i + 1 < W; i++)
      memcpy(a->next_history + (s.history + i) * E + first,
             lmn_conv_input(a, s, s.count + i) + first, (last - first) * sizeof(float));
  }
}

/// Adds a partial sum to the sum of a tap, and begins a new one.
LMN_INLINE void short_conv_add_taps(const lmn_short_conv_grad *g, const size_t W, size_t e,
                                    size_t lanes, vec *part) {
  for (size_t j = 0; j < W; j++) {
    float *sum = g->d_taps + j * g->forward.width + e;
    vec_store(sum, vec_add(vec_load(sum, lanes), part[j]), lanes);
    part[j] = vec_set(0);
  }
}

/// Some channels of one segment, from the last row to the first. Inputs count from the first row of
/// the history: output i reads inputs i to i + W - 1. Adds to d_taps.
LMN_INLINE void short_conv_backward_channels(const lmn_short_conv_grad *g, lmn_conv_segment s,
                                             const size_t W, size_t e, size_t lanes) {
  const lmn_short_conv *a = &g->forward;
  const size_t E = a->width, before = W - 1;
  vec d_sums[LMN_MOST_TAPS], part[LMN_MOST_TAPS];  // d_sums[j]: of output n - j
  for (size_t j = 0; j < W; j++) d_sums[j] = part[j] = vec_set(0);
  for (size_t n = before + s.count; n-- > 0;) {
    for (size_t j = 0; j < before; j++) d_sums[j] = d_sums[j + 1];
    d_sums[before] = vec_set(0);
    if (n >= before) {
      const size_t i = n - before;
      const vec sum = short_conv_at(a, s, W, i, e, lanes), sigmoid = vec_sigmoid(sum);
      const vec dy = vec_load(g->d_activated + (s.row + i) * E + e, lanes);
      d_sums[before] = vec_mul(dy, silu_slope(sum, sigmoid));
      for (size_t j = 0; j < W; j++)
        part[j] =
            vec_fma(vec_load(lmn_conv_input(a, s, i + j) + e, lanes), d_sums[before], part[j]);
      if (i % ROW_SUM_DEPTH == 0) short_conv_add_taps(g, W, e, lanes, part);
    }
    vec d_input = vec_set(0);
    if (n >= s.count)
      d_input = vec_load(g->d_next_history + (s.history + n - s.count) * E + e, lanes);
    for (size_t j = 0; j < W; j++)
      d_input = vec_fma(vec_load(a->taps + j * E + e, lanes), d_sums[j], d_input);
    vec_store(
        n < before ? g->d_history + (s.history + n) * E + e : g->d_x + (s.row + n - before) * E + e,
        d_input, lanes);
  }
}

// The pullback of the above.
KERNEL(short_conv_backward) {
  const lmn_short_conv_grad *g = args;
  const lmn_short_conv *a = &g->forward;
  const size_t E = a->width, W = a->taps_count, last = lmn_min(end * LMN_TILE_COLUMNS, E);
  for (size_t e = begin * LMN_TILE_COLUMNS; e < last; e += VEC_LANES) {
    const size_t lanes = vec_lanes(last - e);
    for (size_t j = 0; j < W; j++) vec_store(g->d_taps + j * E + e, vec_set(0), lanes);
    for (size_t segment = 0; segment < a->segments; segment++) {
      const lmn_conv_segment s = lmn_conv_segment_at(a, segment);
      if (W == 4)
        short_conv_backward_channels(g, s, 4, e, lanes);
      else
        short_conv_backward_channels(g, s, W, e, lanes);
    }
  }
}

// Per stream: the chosen memories.
KERNEL(short_conv_step_forward) {
  const lmn_short_conv_step *a = args;
  const size_t E = a->width, before = a->taps_count - 1;
  for (size_t stream = begin; stream < end; stream++)
    for (size_t j = 0; j < a->choices.choices; j++) {
      const size_t row = lmn_choice_row(&a->choices, stream, j) * E;
      float *history = a->history + lmn_choice_memory(&a->choices, stream, j) * before * E;
      for (size_t e = 0; e < E; e += VEC_LANES) {
        const size_t lanes = vec_lanes(E - e);
        const vec x = vec_load(a->x + row + e, lanes);
        vec sum = vec_set(0);
        for (size_t i = 0; i < before; i++) {
          const vec input = vec_load(history + i * E + e, lanes);
          if (i) vec_store(history + (i - 1) * E + e, input, lanes);
          sum = vec_fma(vec_load(a->taps + i * E + e, lanes), input, sum);
        }
        if (before) vec_store(history + (before - 1) * E + e, x, lanes);
        sum = vec_fma(vec_load(a->taps + before * E + e, lanes), x, sum);
        vec_store(a->activated + row + e, vec_mul(sum, vec_sigmoid(sum)), lanes);
      }
    }
}

#endif
