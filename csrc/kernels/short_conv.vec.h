#ifndef LMN_SHORT_CONV_VEC_H
#define LMN_SHORT_CONV_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/activation.vec.h"
#include "kernels/row_sum.vec.h"
#include "kernels/short_conv.h"
#include "kernels/stream_choices.h"

/// Channels from `e` of one output. W is a->taps_count.
LMN_INLINE void short_conv_at(const lmn_short_conv *a, const float *const inputs[], const size_t W,
                              size_t row, size_t e, size_t lanes) {
  vec sum = vec_set(0);
  for (size_t j = 0; j < W; j++)
    sum = vec_fma(vec_load(a->taps + j * a->width + e, lanes), vec_load(inputs[j] + e, lanes), sum);
  vec_store(a->activated + row * a->width + e, vec_mul(sum, vec_sigmoid(sum)), lanes);
}

/// Rows of one segment, some channels of them.
LMN_INLINE void short_conv_rows(const lmn_short_conv *a, lmn_conv_segment s, const size_t W,
                                size_t first, size_t last) {
  for (size_t i = 0; i < s.count; i++) {
    const float *inputs[LMN_MOST_TAPS];
    for (size_t j = 0; j < W; j++) inputs[j] = lmn_conv_input(a, s, i + j);
    size_t e = first;
    for (; e + VEC_LANES <= last; e += VEC_LANES)
      short_conv_at(a, inputs, W, s.row + i, e, VEC_LANES);
    if (e < last) short_conv_at(a, inputs, W, s.row + i, e, last - e);
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

/// A pass over some channels of a segment, from the last row to the first.
typedef struct {
  vec taps[LMN_MOST_TAPS];
  vec d_sums[LMN_MOST_TAPS];  // of the outputs that read the present input
  vec d_taps[LMN_MOST_TAPS];  // of the rows since they were last added up
} short_conv_pass;

/// Adds the gradient of the taps to its sum.
LMN_INLINE void short_conv_add_taps(const lmn_short_conv_grad *g, const size_t W, size_t e,
                                    size_t lanes, short_conv_pass *p) {
  for (size_t j = 0; j < W; j++) {
    float *sum = g->d_taps + j * g->forward.width + e;
    vec_store(sum, vec_add(vec_load(sum, lanes), p->d_taps[j]), lanes);
    p->d_taps[j] = vec_set(0);
  }
}

/// Pullback at input `n` of a segment, counted from the first row of the history: output i reads
/// inputs i to i + W - 1, so d_sums[j] is that of output n - j. `inner`: all inputs of the output
/// that begins there are rows of x; known beforehand, it saves a choice per input.
LMN_INLINE void short_conv_backward_at(const lmn_short_conv_grad *g, lmn_conv_segment s,
                                       const size_t W, size_t e, size_t lanes, size_t n,
                                       const bool inner, short_conv_pass *p) {
  const lmn_short_conv *a = &g->forward;
  const size_t E = a->width, before = W - 1;
  for (size_t j = 0; j < before; j++) p->d_sums[j] = p->d_sums[j + 1];
  p->d_sums[before] = vec_set(0);
  if (inner || n >= before) {
    const size_t i = n - before;
    const float *x = inner ? a->x + (s.row + i - before) * E : NULL;
    vec inputs[LMN_MOST_TAPS], sum = vec_set(0);
    for (size_t j = 0; j < W; j++) {
      inputs[j] = vec_load((inner ? x + j * E : lmn_conv_input(a, s, i + j)) + e, lanes);
      sum = vec_fma(p->taps[j], inputs[j], sum);
    }
    const vec slope = silu_slope(sum, vec_sigmoid(sum));
    p->d_sums[before] = vec_mul(vec_load(g->d_activated + (s.row + i) * E + e, lanes), slope);
    for (size_t j = 0; j < W; j++)
      p->d_taps[j] = vec_fma(inputs[j], p->d_sums[before], p->d_taps[j]);
    if (i % ROW_SUM_DEPTH == 0) short_conv_add_taps(g, W, e, lanes, p);
  }
  vec d_input = vec_set(0);
  if (n >= s.count)
    d_input = vec_load(g->d_next_history + (s.history + n - s.count) * E + e, lanes);
  for (size_t j = 0; j < W; j++) d_input = vec_fma(p->taps[j], p->d_sums[j], d_input);
  float *at =
      inner || n >= before ? g->d_x + (s.row + n - before) * E : g->d_history + (s.history + n) * E;
  vec_store(at + e, d_input, lanes);
}

/// Some channels of one segment. Adds to d_taps.
LMN_INLINE void short_conv_backward_channels(const lmn_short_conv_grad *g, lmn_conv_segment s,
                                             const size_t W, size_t e, size_t lanes) {
  const lmn_short_conv *a = &g->forward;
  short_conv_pass pass;
  for (size_t j = 0; j < W; j++) {
    pass.taps[j] = vec_load(a->taps + j * a->width + e, lanes);
    pass.d_sums[j] = pass.d_taps[j] = vec_set(0);
  }
  size_t n = W - 1 + s.count;
  while (n > 2 * (W - 1)) short_conv_backward_at(g, s, W, e, lanes, --n, true, &pass);
  while (n > 0) short_conv_backward_at(g, s, W, e, lanes, --n, false, &pass);
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
      if (W == 4 && lanes == VEC_LANES)
        short_conv_backward_channels(g, s, 4, e, VEC_LANES);
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
