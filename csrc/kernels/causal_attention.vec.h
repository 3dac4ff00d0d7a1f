// Causal attention, in tiles of queries and keys with a running softmax (arXiv 2205.14135).
//
// Scores of a tile are stored by key, then query: so the softmax of 64 queries runs along lanes,
// and all products read keys and values where they are. Only queries and outputs are transposed.
// Scores are in units of log 2, as exponents of two.
#ifndef LMN_CAUSAL_ATTENTION_VEC_H
#define LMN_CAUSAL_ATTENTION_VEC_H

#include "isa/kernel.h"
#include "kernels/causal_attention.h"
#include "kernels/matmul.vec.h"
#include "kernels/transpose.vec.h"

enum {
  CAUSAL_QUERIES = LMN_QUERY_BLOCK,
  CAUSAL_KEYS = 96,      // a multiple of the heights of register tiles
  CAUSAL_OWN_KEYS = 32,  // where half of the queries do not see half of the keys
};

static const float causal_log2_e = 1.44269504f, causal_log_2 = 0.693147181f;

#define CAUSAL_ALIGNED __attribute__((aligned(64)))

/// Block of queries of one head, and the tokens before the chunk.
typedef struct {
  size_t width, head_width, before, window;
  size_t first, count;  // of the queries, in the chunk
  size_t lanes;         // `count`, filled up to whole vectors
  const float *qkv;     // of the head, from the chunk's first token on
  const float *keys_before, *values_before;
} causal_block;

LMN_INLINE causal_block causal_block_of(size_t width, size_t heads, size_t head, size_t length,
                                        size_t before, size_t window, size_t first,
                                        const float *qkv, const float *keys_before,
                                        const float *values_before) {
  const size_t D = width / heads, count = lmn_min(length - first, CAUSAL_QUERIES);
  return (causal_block){
      .width = width,
      .head_width = D,
      .before = before,
      .window = window,
      .first = first,
      .count = count,
      .lanes = lmn_units(count, VEC_LANES) * VEC_LANES,
      .qkv = qkv + head * D,
      .keys_before = keys_before + head * D,
      .values_before = values_before + head * D,
  };
}

/// Consecutive keys that some queries of a block see. Tokens are counted from the first before the
/// chunk.
typedef struct {
  size_t first, count;
  const float *keys, *values;
  size_t row;      // values from a token to the next
  size_t query;    // a multiple of VEC_LANES: no query before it sees the tile
  bool is_masked;  // whether some query from there on does not see some key
} causal_tile;

/// First key that a block of queries sees, and the one after the last.
LMN_INLINE size_t causal_first_key(const causal_block *b) {
  return lmn_first_seen(b->window, b->before + b->first);
}
LMN_INLINE size_t causal_last_key(const causal_block *b) { return b->before + b->first + b->count; }

/// The tile that begins with key `first`: it does not cross the beginning of the chunk, nor that of
/// the block; keys of the block's own tokens are not seen by all of its queries.
LMN_INLINE causal_tile causal_tile_from(const causal_block *b, size_t first) {
  const size_t C = b->before, E = b->width, own = C + b->first;
  const size_t bound = first < C ? C : first < own ? own : causal_last_key(b);
  const size_t count = lmn_min(bound - first, first < own ? CAUSAL_KEYS : CAUSAL_OWN_KEYS);
  const bool is_before = first < C;
  return (causal_tile){
      .first = first,
      .count = count,
      .keys = is_before ? b->keys_before + first * E : b->qkv + (first - C) * 3 * E + E,
      .values = is_before ? b->values_before + first * E : b->qkv + (first - C) * 3 * E + 2 * E,
      .row = is_before ? E : 3 * E,
      .query = first < own ? 0 : (first - own) / VEC_LANES * VEC_LANES,
      .is_masked = first >= own || lmn_first_seen(b->window, own + b->count - 1) > first,
  };
}

/// Overwrites the values of unseen keys in a tile of values by key, then query.
static void causal_mask(const causal_block *b, const causal_tile *tile, float value, float *tiled) {
  const size_t own = b->before + b->first;
  for (size_t k = 0; k < tile->count; k++, tiled += CAUSAL_QUERIES) {
    const size_t key = tile->first + k, unseen = key > own ? key - own : 0;
    const size_t seen = b->window < own - key + b->count ? key + b->window + 1 - own : b->count;
    for (size_t q = tile->query; q < unseen; q++) tiled[q] = value;
    for (size_t q = seen; q < b->lanes; q++) tiled[q] = value;
  }
}

/// Rows of `count` queries as columns, times `factor`; 0 in the lanes after them.
static void causal_columns(const causal_block *b, const float *rows, size_t row, float factor,
                           float *columns) {
  for (size_t e = 0; b->count < b->lanes && e < b->head_width; e++)
    vec_store(columns + e * CAUSAL_QUERIES + b->lanes - VEC_LANES, vec_set(0), VEC_LANES);
  transpose_block(b->count, b->head_width, factor, rows, row, columns, CAUSAL_QUERIES);
}

/// tiled[k][q] = rows[k] . columns[q], for the keys and queries of a tile.
LMN_INLINE void causal_products(const causal_block *b, const causal_tile *tile, const float *rows,
                                const float *columns, float *tiled) {
  const matmul_operands o = {
      .inner = b->head_width,
      .left = rows,
      .left_row = tile->row,
      .left_step = 1,
      .right = columns + tile->query,
      .right_row = CAUSAL_QUERIES,
      .product = tiled + tile->query,
      .product_row = CAUSAL_QUERIES,
  };
  matmul_block(tile->count, b->lanes - tile->query, &o, MATMUL_ZERO, NULL);
}

/// sums[e][q] += sum over the keys of a tile of rows[k][e] * tiled[k][q]: sums of queries, as
/// columns.
LMN_INLINE void causal_add_to_queries(const causal_block *b, const causal_tile *tile,
                                      const float *rows, const float *tiled, float *sums) {
  const matmul_operands o = {
      .inner = tile->count,
      .left = rows,
      .left_row = 1,
      .left_step = tile->row,
      .right = tiled + tile->query,
      .right_row = CAUSAL_QUERIES,
      .product = sums + tile->query,
      .product_row = CAUSAL_QUERIES,
  };
  matmul_block(b->head_width, b->lanes - tile->query, &o, MATMUL_ADDED, NULL);
}

/// Sums of queries, as columns, before the first tile.
LMN_INLINE void causal_clear_queries(const causal_block *b, float *sums) {
  for (size_t e = 0; e < b->head_width; e++)
    for (size_t q = 0; q < b->lanes; q += VEC_LANES)
      vec_store(sums + e * CAUSAL_QUERIES + q, vec_set(0), VEC_LANES);
}

/// Softmax of a block of queries over the keys so far: largest score and sum of exp(score -
/// largest) per query, and sums of values [D, queries] with these weights.
typedef struct {
  float largest[CAUSAL_QUERIES] CAUSAL_ALIGNED, normalizer[CAUSAL_QUERIES] CAUSAL_ALIGNED;
  float sums[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
} causal_softmax;

/// Score of unseen keys; differences of scores are finite.
#define CAUSAL_UNSEEN -1e30f

/// Replaces the scores of a tile by weights, and rescales the sums so far where a score is the
/// largest one.
static void causal_softmax_weigh(const causal_block *b, const causal_tile *tile, float *scores,
                                 causal_softmax *softmax) {
  for (size_t q = tile->query; q < b->lanes; q += VEC_LANES) {
    const vec before = vec_load(softmax->largest + q, VEC_LANES);
    vec largest = before;
    for (size_t k = 0; k < tile->count; k++)
      largest = vec_max(vec_load(scores + k * CAUSAL_QUERIES + q, VEC_LANES), largest);
    for (size_t k = 0; k < tile->count; k++) {
      float *score = scores + k * CAUSAL_QUERIES + q;
      vec_store(score, vec_exp2(vec_sub(vec_load(score, VEC_LANES), largest)), VEC_LANES);
    }
    if (!(vec_largest(vec_sub(largest, before)) > 0)) continue;
    const vec kept = vec_exp2(vec_sub(before, largest));
    vec_store(softmax->largest + q, largest, VEC_LANES);
    float *normalizer = softmax->normalizer + q;
    vec_store(normalizer, vec_mul(kept, vec_load(normalizer, VEC_LANES)), VEC_LANES);
    for (size_t e = 0; e < b->head_width; e++) {
      float *sum = softmax->sums + e * CAUSAL_QUERIES + q;
      vec_store(sum, vec_mul(kept, vec_load(sum, VEC_LANES)), VEC_LANES);
    }
  }
}

/// Adds the weights of a tile to the normalizer, and the weighted values to the sums.
static void causal_softmax_add(const causal_block *b, const causal_tile *tile, const float *weights,
                               causal_softmax *softmax) {
  for (size_t q = tile->query; q < b->lanes; q += VEC_LANES) {
    vec sum = vec_set(0);
    for (size_t k = 0; k < tile->count; k++)
      sum = vec_add(sum, vec_load(weights + k * CAUSAL_QUERIES + q, VEC_LANES));
    float *normalizer = softmax->normalizer + q;
    vec_store(normalizer, vec_add(vec_load(normalizer, VEC_LANES), sum), VEC_LANES);
  }
  causal_add_to_queries(b, tile, tile->values, weights, softmax->sums);
}

/// A softmax over no keys.
static void causal_softmax_begin(const causal_block *b, causal_softmax *softmax) {
  for (size_t q = 0; q < b->lanes; q += VEC_LANES) {
    vec_store(softmax->largest + q, vec_set(CAUSAL_UNSEEN), VEC_LANES);
    vec_store(softmax->normalizer + q, vec_set(0), VEC_LANES);
  }
  causal_clear_queries(b, softmax->sums);
}

/// Outputs of the block's queries, in rows of `row` values.
static void causal_softmax_sums(const causal_block *b, causal_softmax *softmax, float *output,
                                size_t row) {
  for (size_t q = 0; q < b->lanes; q += VEC_LANES) {
    const vec scale = vec_div(vec_set(1), vec_load(softmax->normalizer + q, VEC_LANES));
    for (size_t e = 0; e < b->head_width; e++) {
      float *sum = softmax->sums + e * CAUSAL_QUERIES + q;
      vec_store(sum, vec_mul(scale, vec_load(sum, VEC_LANES)), VEC_LANES);
    }
  }
  transpose_block(b->head_width, b->count, 1, softmax->sums, CAUSAL_QUERIES, output, row);
}

/// The same, and log-normalizers, `heads` apart.
static void causal_softmax_end(const causal_block *b, causal_softmax *softmax, float *output,
                               size_t row, float *log_normalizer, size_t heads) {
  causal_softmax_sums(b, softmax, output, row);
  for (size_t q = 0; q < b->lanes; q += VEC_LANES) {
    const vec largest = vec_load(softmax->largest + q, VEC_LANES);
    const vec log = vec_log(vec_load(softmax->normalizer + q, VEC_LANES));
    vec_store(softmax->largest + q, vec_fma(vec_set(causal_log_2), largest, log), VEC_LANES);
  }
  for (size_t q = 0; q < b->count; q++) log_normalizer[q * heads] = softmax->largest[q];
}

// output[t] = sum over s of softmax(score)[s] * value[s]
KERNEL(causal_attention_forward) {
  const lmn_causal_attention *a = args;
  const size_t E = a->width, D = E / a->heads;
  const size_t blocks = lmn_units(a->length, CAUSAL_QUERIES);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t head = unit / blocks;
    const size_t first = lmn_query_block_of(unit % blocks, blocks) * CAUSAL_QUERIES;
    const causal_block b = causal_block_of(E, a->heads, head, a->length, a->before, a->window,
                                           first, a->qkv, a->keys_before, a->values_before);
    float queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
    float scores[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
    causal_softmax softmax;
    causal_columns(&b, b.qkv + first * 3 * E, 3 * E, a->scale * causal_log2_e, queries);
    causal_softmax_begin(&b, &softmax);
    for (size_t key = causal_first_key(&b); key < causal_last_key(&b);) {
      const causal_tile tile = causal_tile_from(&b, key);
      causal_products(&b, &tile, tile.keys, queries, scores);
      if (tile.is_masked) causal_mask(&b, &tile, CAUSAL_UNSEEN, scores);
      causal_softmax_weigh(&b, &tile, scores, &softmax);
      if (tile.is_masked) causal_mask(&b, &tile, 0, scores);
      causal_softmax_add(&b, &tile, scores, &softmax);
      key += tile.count;
    }
    causal_softmax_end(&b, &softmax, a->output + first * E + head * D, E,
                       a->log_normalizer + first * a->heads + head, a->heads);
  }
}

#endif
