// Causal attention of one token per stream over a cache.
#ifndef LMN_CAUSAL_ATTENTION_STEP_VEC_H
#define LMN_CAUSAL_ATTENTION_STEP_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/causal_attention.h"
#include "kernels/causal_attention.vec.h"
#include "kernels/matmul.vec.h"

/// product = start + left . right for one row.
LMN_INLINE void causal_row_product(size_t inner, size_t columns, const float *left,
                                   const float *right, size_t right_row, matmul_start start,
                                   float *product) {
  const matmul_operands o = {
      .inner = inner,
      .left = left,
      .left_step = 1,
      .right = right,
      .right_row = right_row,
      .product = product,
  };
  matmul_block(1, columns, &o, start, NULL);
}

/// Replaces `count` scores by 2^(score - largest).
///
/// \returns The sum of these weights.
LMN_INLINE float causal_row_weigh(float *scores, size_t count, float largest) {
  vec sum = vec_set(0);
  for (size_t k = 0; k < count; k += VEC_LANES) {
    const size_t lanes = vec_lanes(count - k);
    const vec weight = vec_exp2(vec_sub(vec_load(scores + k, lanes), vec_set(largest)));
    vec_store(scores + k, weight, lanes);
    sum = vec_add(sum, vec_first(weight, lanes, 0));
  }
  return vec_sum(sum);
}

LMN_INLINE float causal_row_largest(const float *scores, size_t count, float largest) {
  vec all = vec_set(largest);
  for (size_t k = 0; k < count; k += VEC_LANES) {
    const size_t lanes = vec_lanes(count - k);
    all = vec_max(vec_first(vec_load(scores + k, lanes), lanes, largest), all);
  }
  return vec_largest(all);
}

LMN_INLINE void causal_row_scale(float *row, size_t count, float factor) {
  for (size_t e = 0; e < count; e += VEC_LANES) {
    const size_t lanes = vec_lanes(count - e);
    vec_store(row + e, vec_mul(vec_set(factor), vec_load(row + e, lanes)), lanes);
  }
}

KERNEL(causal_attention_step_forward) {
  const lmn_causal_attention_step *a = args;
  enum { PLACES = LMN_CACHE_CHUNK };
  const size_t E = a->width, D = E / a->heads;
  const float scale = a->scale * causal_log2_e;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / a->heads, head = unit % a->heads;
    const size_t own = lmn_cache_place(a->window, a->positions[b]);
    const size_t seen = lmn_tokens_seen(a->window, a->positions[b]);
    const float *qkv = a->qkv + b * 3 * E + head * D;
    float *output = a->output + b * E + head * D;
    float *newest = a->caches[b][own / PLACES] + head * 2 * D * PLACES;
    float query[LMN_MOST_HEAD_WIDTH] CAUSAL_ALIGNED;
    for (size_t e = 0; e < D; e++) {
      query[e] = scale * qkv[e];
      newest[e * PLACES + own % PLACES] = qkv[E + e];
      newest[D * PLACES + own % PLACES * D + e] = qkv[2 * E + e];
    }
    float largest = CAUSAL_UNSEEN, normalizer = 0;
    for (size_t place = 0; place < seen; place += PLACES) {
      const float *keys = a->caches[b][place / PLACES] + head * 2 * D * PLACES;
      const float *values = keys + D * PLACES;
      const size_t count = lmn_min(seen - place, PLACES);
      float scores[PLACES] CAUSAL_ALIGNED;
      causal_row_product(D, count, query, keys, PLACES, MATMUL_ZERO, scores);
      const float before = largest;
      largest = causal_row_largest(scores, count, largest);
      if (place && largest > before) {
        const float kept = exp2f(before - largest);
        normalizer *= kept;
        causal_row_scale(output, D, kept);
      }
      normalizer += causal_row_weigh(scores, count, largest);
      causal_row_product(count, D, scores, values, D, place ? MATMUL_ADDED : MATMUL_ZERO, output);
    }
    causal_row_scale(output, D, 1 / normalizer);
  }
}

#endif
