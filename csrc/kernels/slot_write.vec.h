// Slot attention: the tiles and the running softmax of causal attention, with slots as queries. The
// softmax begins with the slot itself as its only key and value.
#ifndef LMN_SLOT_WRITE_VEC_H
#define LMN_SLOT_WRITE_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/causal_attention_backward.vec.h"

/// Slots [first, first + CAUSAL_QUERIES) of one head, as queries.
LMN_INLINE causal_block slot_block_of(size_t head_width, size_t slots, size_t first) {
  const size_t count = lmn_min(slots - first, CAUSAL_QUERIES);
  return (causal_block){
      .head_width = head_width,
      .window = SIZE_MAX,
      .count = count,
      .lanes = lmn_units(count, VEC_LANES) * VEC_LANES,
  };
}

/// The tile of tokens that begins with token `first` of `count`; `kv` is that of the head.
LMN_INLINE causal_tile slot_tile_from(const float *kv, size_t width, size_t count, size_t first) {
  return (causal_tile){
      .first = first,
      .count = lmn_min(count - first, CAUSAL_KEYS),
      .keys = kv + first * 2 * width,
      .values = kv + first * 2 * width + width,
      .row = 2 * width,
  };
}

// sum_i = p_0 * slot_i + sum over j of p_j * value_j + forgetting_i
KERNEL(slot_write_forward) {
  const lmn_slot_write *a = args;
  const size_t E = a->width, H = a->heads, D = E / H;
  const float scale = a->scale * causal_log2_e;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t stream = unit / H, head = unit % H;
    const size_t tokens = a->counts ? (size_t)a->counts[stream] : a->tokens;
    const float *token_kv = a->token_kv + stream * a->tokens * 2 * E + head * D;
    for (size_t first = 0; first < a->slots; first += CAUSAL_QUERIES) {
      const causal_block b = slot_block_of(D, a->slots, first);
      const size_t row = stream * a->slots + first;
      const float *qk = a->slot_qk + row * 2 * E + head * D;
      float queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      float scores[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      causal_softmax softmax;
      causal_columns(&b, qk, 2 * E, scale, queries);
      causal_columns(&b, a->slot_values + row * E + head * D, E, 1, softmax.sums);
      for (size_t q = 0; q < b.lanes; q++) {
        const float *query = qk + q * 2 * E;
        softmax.largest[q] = q < b.count ? scale * vec_dot(query, query + E, D) : 0;
        softmax.normalizer[q] = 1;
      }
      for (size_t token = 0; token < tokens;) {
        const causal_tile tile = slot_tile_from(token_kv, E, tokens, token);
        causal_products(&b, &tile, tile.keys, queries, scores);
        causal_softmax_weigh(&b, &tile, scores, &softmax);
        causal_softmax_add(&b, &tile, scores, &softmax);
        token += tile.count;
      }
      float *sums = a->sums + row * E + head * D;
      for (size_t q = 0; q < b.count; q++)
        a->normalizer[(row + q) * H + head] = softmax.normalizer[q];
      for (size_t q = 0; q < b.count; q++) a->largest[(row + q) * H + head] = softmax.largest[q];
      causal_softmax_sums(&b, &softmax, sums, E);
      for (size_t q = 0; a->forgetting && q < b.count; q++) {
        const float *forgetting = a->forgetting + (first + q) * E + head * D;
        for (size_t e = 0; e < D; e++) sums[q * E + e] += forgetting[e];
      }
    }
  }
}

/// Softmax of a block of slots. Cotangents of weights are counted from that of the slot's own
/// weight: where this weight is nearly 1, as that of a slot that keeps what it has, differences to
/// their mean would be rounding errors.
typedef struct {
  float largest[CAUSAL_QUERIES] CAUSAL_ALIGNED;  // score over log 2
  float share[CAUSAL_QUERIES] CAUSAL_ALIGNED;    // inverse of the normalizer
  float d_own[CAUSAL_QUERIES] CAUSAL_ALIGNED;    // cotangent of the own weight, times the scale
  float mean[CAUSAL_QUERIES] CAUSAL_ALIGNED;     // of the cotangents of weights, times the scale
} slot_softmax;

static void slot_softmax_of(const lmn_slot_write_grad *a, const causal_block *b, size_t row,
                            size_t head, slot_softmax *softmax) {
  const size_t E = a->width, D = E / a->heads;
  for (size_t q = 0; q < b->lanes; q++) {
    const size_t at = (row + q) * a->heads + head, f = (row + q) * E + head * D;
    const bool is_slot = q < b->count;
    softmax->largest[q] = is_slot ? a->largest[at] : 0;
    softmax->share[q] = is_slot ? 1 / a->normalizer[at] : 0;
    softmax->d_own[q] = is_slot ? a->scale * vec_dot(a->d_sums + f, a->slot_values + f, D) : 0;
    softmax->mean[q] = 0;
  }
}

/// Weights of a tile, and cotangents of weights from that of the own one.
static void slot_weigh(const causal_block *b, const causal_tile *tile, const float *queries,
                       const float *d_outputs, const slot_softmax *softmax, float *weights,
                       float *d_weights) {
  causal_products(b, tile, tile->keys, queries, weights);
  causal_products(b, tile, tile->values, d_outputs, d_weights);
  for (size_t q = 0; q < b->lanes; q += VEC_LANES) {
    const vec largest = vec_load(softmax->largest + q, VEC_LANES);
    const vec share = vec_load(softmax->share + q, VEC_LANES);
    const vec d_own = vec_load(softmax->d_own + q, VEC_LANES);
    for (size_t i = q; i < tile->count * CAUSAL_QUERIES; i += CAUSAL_QUERIES) {
      const vec power = vec_exp2(vec_sub(vec_load(weights + i, VEC_LANES), largest));
      vec_store(weights + i, vec_mul(share, power), VEC_LANES);
      vec_store(d_weights + i, vec_sub(vec_load(d_weights + i, VEC_LANES), d_own), VEC_LANES);
    }
  }
}

/// Adds the products of weights and their cotangents to the mean.
static void slot_add_to_mean(const causal_block *b, size_t count, const float *weights,
                             const float *d_weights, slot_softmax *softmax) {
  for (size_t q = 0; q < b->lanes; q += VEC_LANES) {
    vec mean = vec_load(softmax->mean + q, VEC_LANES);
    for (size_t i = q; i < count * CAUSAL_QUERIES; i += CAUSAL_QUERIES)
      mean = vec_fma(vec_load(weights + i, VEC_LANES), vec_load(d_weights + i, VEC_LANES), mean);
    vec_store(softmax->mean + q, mean, VEC_LANES);
  }
}

/// Cotangents of scores, times the scale, in place of those of weights.
static void slot_d_scores(const causal_block *b, size_t count, const float *weights,
                          const slot_softmax *softmax, float *d_weights) {
  for (size_t q = 0; q < b->lanes; q += VEC_LANES) {
    const vec mean = vec_load(softmax->mean + q, VEC_LANES);
    for (size_t i = q; i < count * CAUSAL_QUERIES; i += CAUSAL_QUERIES) {
      const vec d_weight = vec_sub(vec_load(d_weights + i, VEC_LANES), mean);
      vec_store(d_weights + i, vec_mul(vec_load(weights + i, VEC_LANES), d_weight), VEC_LANES);
    }
  }
}

/// Adds the contributions of the slots' own keys and values to the cotangents of a block, whose
/// sums over tokens have been stored; those of other arrays are stored.
static void slot_own_backward(const lmn_slot_write_grad *a, const causal_block *b,
                              const slot_softmax *softmax, size_t row, size_t head) {
  const size_t E = a->width, D = E / a->heads;
  const float scale = a->scale * causal_log2_e;
  for (size_t q = 0; q < b->count; q++) {
    const size_t at = (row + q) * E + head * D, qk = (row + q) * 2 * E + head * D;
    const float *query = a->slot_qk + qk, *key = query + E, *d_sum = a->d_sums + at;
    const float score = scale * vec_dot(query, key, D);
    const float power = exp2f(score - softmax->largest[q]);
    const float weight = softmax->share[q] * power;
    const float d_score = -weight * softmax->mean[q];
    for (size_t e = 0; e < D; e++) {
      a->d_slot_qk[qk + e] += d_score * key[e];
      a->d_slot_qk[qk + E + e] = d_score * query[e];
      a->d_slot_values[at + e] = weight * d_sum[e];
    }
  }
}

KERNEL(slot_write_backward) {
  const lmn_slot_write_grad *a = args;
  const size_t E = a->width, H = a->heads, D = E / H;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t stream = unit / H, head = unit % H;
    const size_t tokens = a->counts ? (size_t)a->counts[stream] : a->tokens;
    const size_t kv = stream * a->tokens * 2 * E + head * D;
    causal_clear(a->d_token_kv + kv, a->tokens, 2 * E, D);
    causal_clear(a->d_token_kv + kv + E, a->tokens, 2 * E, D);
    for (size_t first = 0; first < a->slots; first += CAUSAL_QUERIES) {
      const causal_block block = slot_block_of(D, a->slots, first);
      const size_t row = stream * a->slots + first;
      const float *rows = a->slot_qk + row * 2 * E + head * D;
      const float *d_sums = a->d_sums + row * E + head * D;
      float queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      float d_outputs[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      float d_queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      float weights[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      float d_scores[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
      slot_softmax softmax;
      causal_columns(&block, rows, 2 * E, a->scale * causal_log2_e, queries);
      causal_columns(&block, d_sums, E, a->scale, d_outputs);
      causal_clear_queries(&block, d_queries);
      slot_softmax_of(a, &block, row, head, &softmax);
      for (size_t token = 0; token < tokens;) {
        const causal_tile tile = slot_tile_from(a->token_kv + kv, E, tokens, token);
        slot_weigh(&block, &tile, queries, d_outputs, &softmax, weights, d_scores);
        slot_add_to_mean(&block, tile.count, weights, d_scores, &softmax);
        token += tile.count;
      }
      for (size_t token = 0; token < tokens;) {
        const causal_tile tile = slot_tile_from(a->token_kv + kv, E, tokens, token);
        float *d_kv = a->d_token_kv + kv + token * 2 * E;
        slot_weigh(&block, &tile, queries, d_outputs, &softmax, weights, d_scores);
        slot_d_scores(&block, tile.count, weights, &softmax, d_scores);
        causal_add_to_queries(&block, &tile, tile.keys, d_scores, d_queries);
        causal_add_to_keys(&block, &tile, d_scores, rows, 2 * E, d_kv);
        causal_add_to_keys(&block, &tile, weights, d_sums, E, d_kv + E);
        token += tile.count;
      }
      transpose_block(D, block.count, 1, d_queries, CAUSAL_QUERIES,
                      a->d_slot_qk + row * 2 * E + head * D, 2 * E);
      slot_own_backward(a, &block, &softmax, row, head);
    }
  }
}

#endif
