// Units of attention within segments, the same on every instruction set.
#ifndef LMN_SEGMENT_ATTENTION_H
#define LMN_SEGMENT_ATTENTION_H

#include "kernels/causal_attention.h"

/// Number of segments.
static inline size_t lmn_segments(size_t before, size_t length, size_t segment) {
  return lmn_units(before + length, segment);
}

/// Tokens that segment `g` has, of `rows` in all.
static inline size_t lmn_segment_count(const int32_t *counts, size_t rows, size_t segment,
                                       size_t g) {
  return counts ? (size_t)counts[g] : lmn_min(segment, rows - g * segment);
}

/// Values of a bias per head.
static inline size_t lmn_segment_distances(bool is_causal, size_t segment) {
  return is_causal ? segment : 2 * segment - 1;
}

/// Index of the bias of token j for the query of token i.
static inline size_t lmn_segment_distance(bool is_causal, size_t segment, size_t i, size_t j) {
  return is_causal ? i - j : j + segment - 1 - i;
}

/// The sizes and inputs of the forward operation.
static inline lmn_segment_attention lmn_segment_forward(const lmn_segment_attention_grad *a) {
  return (lmn_segment_attention){
      .length = a->length,
      .before = a->before,
      .segment = a->segment,
      .slots = a->slots,
      .width = a->width,
      .heads = a->heads,
      .is_causal = a->is_causal,
      .scale = a->scale,
      .counts = a->counts,
      .queries = a->queries,
      .slot_kv = a->slot_kv,
      .token_kv = a->token_kv,
      .bias = a->bias,
  };
}

#endif
