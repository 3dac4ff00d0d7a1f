// Causal attention of one token per stream over a cache.
#ifndef LMN_CAUSAL_ATTENTION_STEP_VEC_H
#define LMN_CAUSAL_ATTENTION_STEP_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/causal_attention.h"
#include "kernels/causal_attention.vec.h"

/// Places of a cache whose scores are weighed together.
enum { CAUSAL_STEP = 8 * LMN_CACHE_CHUNK };

/// scores[k] = query . keys[k] for all places of a chunk, those without a token yet included.
static void causal_row_scores(size_t D, const float *query, const float *keys, float *scores) {
  enum { VECTORS = LMN_CACHE_CHUNK / VEC_LANES };
  vec sum[VECTORS];
#pragma clang loop unroll(full)
  for (size_t v = 0; v < VECTORS; v++) sum[v] = vec_set(0);
  for (size_t e = 0; e < D; e++, keys += LMN_CACHE_CHUNK) {
    const vec q = vec_set(query[e]);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < VECTORS; v++)
      sum[v] = vec_fma(q, vec_load(keys + v * VEC_LANES, VEC_LANES), sum[v]);
  }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < VECTORS; v++) vec_store(scores + v * VEC_LANES, sum[v], VEC_LANES);
}

/// output[e] += sum over k of weights[k] * values[k][e], for `vectors` vectors of features; in two
/// chains, of even and of odd places.
LMN_INLINE void causal_row_values_of(const size_t vectors, size_t lanes, size_t count, size_t D,
                                     const float *weights, const float *values, float *output) {
  vec sum[2][4];
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) sum[0][v] = sum[1][v] = vec_set(0);
  for (size_t k = 0; k < count; k += 2)
#pragma clang loop unroll(full)
    for (size_t odd = 0; odd < 2; odd++) {
      if (k + odd == count) break;
      const vec weight = vec_set(weights[k + odd]);
#pragma clang loop unroll(full)
      for (size_t v = 0; v < vectors; v++)
        sum[odd][v] =
            vec_fma(weight, vec_load(values + (k + odd) * D + v * VEC_LANES, lanes), sum[odd][v]);
    }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) {
    float *at = output + v * VEC_LANES;
    vec_store(at, vec_add(vec_load(at, lanes), vec_add(sum[0][v], sum[1][v])), lanes);
  }
}

static void causal_row_values(size_t count, size_t D, const float *weights, const float *values,
                              float *output) {
  size_t e = 0;
  for (; e + 4 * VEC_LANES <= D; e += 4 * VEC_LANES)
    causal_row_values_of(4, VEC_LANES, count, D, weights, values + e, output + e);
  for (; e < D; e += VEC_LANES)
    causal_row_values_of(1, vec_lanes(D - e), count, D, weights, values + e, output + e);
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

/// Running softmax of one query: largest score, sum of exp(score - largest), and sums of values
/// with these weights.
typedef struct {
  size_t head_width;
  float largest, normalizer;
  float *output;  // [D]
} causal_row;

/// A softmax over no keys.
LMN_INLINE causal_row causal_row_begin(size_t D, float *output) {
  for (size_t e = 0; e < D; e++) output[e] = 0;
  return (causal_row){.head_width = D, .largest = CAUSAL_UNSEEN, .output = output};
}

/// Adds keys with the given scores over log 2, which become weights, and their values, from the
/// first place of `chunks` on; `head` is the offset of the head in a chunk.
LMN_INLINE void causal_row_add(causal_row *row, float *scores, size_t count, float *const *chunks,
                               size_t head) {
  enum { PLACES = LMN_CACHE_CHUNK };
  const size_t D = row->head_width;
  const float before = row->largest;
  row->largest = causal_row_largest(scores, count, before);
  if (before != CAUSAL_UNSEEN && row->largest > before) {
    const float kept = exp2f(before - row->largest);
    row->normalizer *= kept;
    causal_row_scale(row->output, D, kept);
  }
  row->normalizer += causal_row_weigh(scores, count, row->largest);
  for (size_t place = 0; place < count; place += PLACES)
    causal_row_values(lmn_min(count - place, PLACES), D, scores + place,
                      chunks[place / PLACES] + head + D * PLACES, row->output);
}

LMN_INLINE void causal_row_end(causal_row *row) {
  causal_row_scale(row->output, row->head_width, 1 / row->normalizer);
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
    float *newest = a->caches[b][own / PLACES] + head * 2 * D * PLACES;
    float query[LMN_MOST_HEAD_WIDTH] CAUSAL_ALIGNED;
    for (size_t e = 0; e < D; e++) {
      query[e] = scale * qkv[e];
      newest[e * PLACES + own % PLACES] = qkv[E + e];
      newest[D * PLACES + own % PLACES * D + e] = qkv[2 * E + e];
    }
    causal_row row = causal_row_begin(D, a->output + b * E + head * D);
    for (size_t first = 0; first < seen; first += CAUSAL_STEP) {
      const size_t last = lmn_min(first + CAUSAL_STEP, seen);
      float scores[CAUSAL_STEP] CAUSAL_ALIGNED;
      for (size_t place = first; place < last; place += PLACES)
        causal_row_scores(D, query, a->caches[b][place / PLACES] + head * 2 * D * PLACES,
                          scores + place - first);
      causal_row_add(&row, scores, last - first, a->caches[b] + first / PLACES,
                     head * 2 * D * PLACES);
    }
    causal_row_end(&row);
  }
}

#endif
