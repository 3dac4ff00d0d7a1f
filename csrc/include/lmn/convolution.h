// Short causal convolutions, per memory.
// Dimensions M, k, C, G and N as in routing.h.
#ifndef CLMN_CONVOLUTION_H
#define CLMN_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

#include "routing.h"
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LMN_MOST_TAPS = 64 };

/// Causal depthwise convolution of W taps, then SiLU, within every segment:
///   activated[i] = silu(sum over j of taps[j] * x[i - W + 1 + j])
/// The rows before the first of a segment are those of `history`.
typedef struct lmn_short_conv {
  size_t rows, width, taps_count;  // N; E; W, from 1 to LMN_MOST_TAPS
  size_t segments;                 // G
  const int32_t *offsets;          // [G + 1], or NULL for one segment of all rows
  const float *x;                  // [N, E]
  const float *taps;               // [W, E]
  const float *history;            // [G, W - 1, E]
  float *activated;                // [N, E]
  float *next_history;             // [G, W - 1, E]: the last rows of history and x
} lmn_short_conv;

void lmn_short_conv_forward(lmn_context, const lmn_short_conv *);

typedef struct lmn_short_conv_grad {
  lmn_short_conv forward;       // inputs; results are not used
  const float *d_activated;     // [N, E]
  const float *d_next_history;  // [G, W - 1, E]
  float *d_x;                   // [N, E]
  float *d_taps;                // [W, E]
  float *d_history;             // [G, W - 1, E]
} lmn_short_conv_grad;

void lmn_short_conv_backward(lmn_context, const lmn_short_conv_grad *);

/// One step of lmn_short_conv for the chosen memories.
typedef struct lmn_short_conv_step {
  lmn_stream_choices choices;
  size_t width, taps_count;
  const float *x;     // [B C, E]
  const float *taps;  // [W, E]
  float *history;     // [B, G, W - 1, E]; in and out
  float *activated;   // [B C, E]
} lmn_short_conv_step;

void lmn_short_conv_step_forward(lmn_context, const lmn_short_conv_step *);

#ifdef __cplusplus
}
#endif

#endif
