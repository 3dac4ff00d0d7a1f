// Pullback of causal attention: scores are computed again from the log-normalizer, once for all
// cotangents (arXiv 2307.08691, algorithm 2). A unit is a whole head, because a tile contributes to
// the cotangents of its queries, its keys and its values.
#ifndef LMN_CAUSAL_ATTENTION_BACKWARD_VEC_H
#define LMN_CAUSAL_ATTENTION_BACKWARD_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/causal_attention.vec.h"

/// Block of queries, with their cotangents.
typedef struct {
  causal_block block;
  const float *d_output;  // of the head, from the block's first token on
  // As columns: queries times the scale of scores over log 2, and cotangents of outputs times the
  // scale; and the sums of the queries' cotangents.
  float queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
  float d_outputs[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
  float d_queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
  float log_normalizer[CAUSAL_QUERIES] CAUSAL_ALIGNED;  // over log 2
  float d_normalizer[CAUSAL_QUERIES] CAUSAL_ALIGNED;    // d_output . output, times the scale
} causal_cotangents;

/// Cotangents of the queries of `block`: rows of queries are `query_row` values apart, those of
/// outputs `row`, log-normalizers, which may be NULL, `heads`.
static void causal_cotangents_of(const causal_block *block, const float *queries, size_t query_row,
                                 const float *output, const float *d_output, size_t row,
                                 const float *log_normalizer, size_t heads, float scale,
                                 causal_cotangents *c) {
  c->block = *block;
  c->d_output = d_output;
  causal_columns(block, queries, query_row, scale * causal_log2_e, c->queries);
  causal_columns(block, d_output, row, scale, c->d_outputs);
  causal_clear_queries(block, c->d_queries);
  for (size_t q = 0; q < block->lanes; q++) {
    const bool is_query = q < block->count;
    c->log_normalizer[q] = is_query ? log_normalizer[q * heads] * causal_log2_e : 0;
    c->d_normalizer[q] =
        is_query ? scale * vec_dot(d_output + q * row, output + q * row, block->head_width) : 0;
  }
}

/// Weights and the cotangents of their scores, times the scale of scores, in place of scores and
/// cotangents of weights:
///   weight = 2^(score - log_normalizer),  d_score = weight * (d_weight - d_normalizer)
static void causal_softmax_backward(const causal_cotangents *c, const causal_tile *tile,
                                    float *scores, float *d_weights) {
  const causal_block *b = &c->block;
  for (size_t q = tile->query; q < b->lanes; q += VEC_LANES) {
    const vec top = vec_load(c->log_normalizer + q, VEC_LANES);
    const vec mean = vec_load(c->d_normalizer + q, VEC_LANES);
    for (size_t i = q; i < tile->count * CAUSAL_QUERIES; i += CAUSAL_QUERIES) {
      const vec weight = vec_exp2(vec_sub(vec_load(scores + i, VEC_LANES), top));
      vec_store(scores + i, weight, VEC_LANES);
      vec_store(d_weights + i, vec_mul(weight, vec_sub(vec_load(d_weights + i, VEC_LANES), mean)),
                VEC_LANES);
    }
  }
  if (!tile->is_masked) return;
  causal_mask(b, tile, 0, scores);
  causal_mask(b, tile, 0, d_weights);
}

/// sums[k] += sum over the queries of a tile of tiled[k][q] * rows[q].
LMN_INLINE void causal_add_to_keys(const causal_block *b, const causal_tile *tile,
                                   const float *tiled, const float *rows, size_t row, float *sums) {
  const matmul_operands o = {
      .inner = b->count - tile->query,
      .left = tiled + tile->query,
      .left_row = CAUSAL_QUERIES,
      .left_step = 1,
      .right = rows + tile->query * row,
      .right_row = row,
      .product = sums,
      .product_row = tile->row,
  };
  matmul_block(tile->count, b->head_width, &o, MATMUL_ADDED, NULL);
}

static void causal_clear(float *values, size_t rows, size_t row, size_t width) {
  for (size_t r = 0; r < rows; r++) memset(values + r * row, 0, width * sizeof *values);
}

KERNEL(causal_attention_backward) {
  const lmn_causal_attention_grad *a = args;
  const size_t E = a->width, D = E / a->heads, C = a->before;
  const bool reaches_back = a->d_keys_before;
  for (size_t head = begin; head < end; head++) {
    float *d_qkv = a->d_qkv + head * D;
    float *d_keys_before = reaches_back ? a->d_keys_before + head * D : NULL;
    float *d_values_before = reaches_back ? a->d_values_before + head * D : NULL;
    causal_clear(d_qkv + E, a->length, 3 * E, D);
    causal_clear(d_qkv + 2 * E, a->length, 3 * E, D);
    if (reaches_back) {
      causal_clear(d_keys_before, C, E, D);
      causal_clear(d_values_before, C, E, D);
    }
    for (size_t first = 0; first < a->length; first += CAUSAL_QUERIES) {
      const size_t offset = first * E + head * D;
      const causal_block block = causal_block_of(E, a->heads, head, a->length, C, a->window, first,
                                                 a->qkv, a->keys_before, a->values_before);
      causal_cotangents c;
      causal_cotangents_of(&block, block.qkv + first * 3 * E, 3 * E, a->output + offset,
                           a->d_output + offset, E, a->log_normalizer + first * a->heads + head,
                           a->heads, a->scale, &c);
      const causal_block *b = &c.block;
      for (size_t key = causal_first_key(b); key < causal_last_key(b);) {
        const causal_tile tile = causal_tile_from(b, key);
        float weights[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
        float d_scores[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
        causal_products(b, &tile, tile.keys, c.queries, weights);
        causal_products(b, &tile, tile.values, c.d_outputs, d_scores);
        causal_softmax_backward(&c, &tile, weights, d_scores);
        causal_add_to_queries(b, &tile, tile.keys, d_scores, c.d_queries);
        const bool is_before = key < C;
        if (!is_before || reaches_back) {
          float *d_keys = is_before ? d_keys_before + key * E : d_qkv + (key - C) * 3 * E + E;
          float *d_values =
              is_before ? d_values_before + key * E : d_qkv + (key - C) * 3 * E + 2 * E;
          causal_add_to_keys(b, &tile, d_scores, b->qkv + first * 3 * E, 3 * E, d_keys);
          causal_add_to_keys(b, &tile, weights, c.d_output, E, d_values);
        }
        key += tile.count;
      }
      transpose_block(D, b->count, 1, c.d_queries, CAUSAL_QUERIES, d_qkv + first * 3 * E, 3 * E);
    }
  }
}

#endif
