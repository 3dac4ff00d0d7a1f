// Attention within segments: the tiles and the running softmax of causal attention, over the slots
// of a segment and over its tokens, whose scores have a bias by distance.
#ifndef LMN_SEGMENT_ATTENTION_VEC_H
#define LMN_SEGMENT_ATTENTION_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/causal_attention.vec.h"
#include "kernels/segment_attention.h"

enum {
  // A block of queries reads or writes up to this many values beside the distances that exist.
  SEGMENT_MARGIN = CAUSAL_QUERIES,
  SEGMENT_DISTANCES = 2 * LMN_MOST_SEGMENT + 2 * SEGMENT_MARGIN,
};

/// Block of queries of one head, and the keys of its segment. Tokens are counted from the first of
/// the segment.
typedef struct {
  causal_block block;
  bool is_causal;
  size_t slots, tokens;             // keys
  const float *slot_kv, *token_kv;  // of the head and the segment
  size_t first_query;               // row of the block's first query
  size_t first_slot, first_token;   // rows of the segment's first slot and token
  size_t origin;                    // index of distance 0 in biases by distance
} segment_block;

/// Queries [first, first + LMN_QUERY_BLOCK) of segment `g`, as far as there are any.
LMN_INLINE segment_block segment_block_of(const lmn_segment_attention *a, size_t head, size_t g,
                                          size_t first) {
  const size_t E = a->width, D = E / a->heads, S = a->segment, C = a->before;
  const size_t rows = lmn_min(S, C + a->length - g * S);
  const size_t last = lmn_min(first + CAUSAL_QUERIES, rows);
  if (g == 0 && first < C) first = lmn_min(C, last);
  const size_t count = first < last ? last - first : 0;
  return (segment_block){
      .block =
          {
              .width = E,
              .head_width = D,
              .window = SIZE_MAX,
              .first = first,
              .count = count,
              .lanes = lmn_units(count, VEC_LANES) * VEC_LANES,
          },
      .is_causal = a->is_causal,
      .slots = a->slots,
      .tokens = a->token_kv ? lmn_segment_count(a->counts, C + a->length, S, g) : 0,
      .slot_kv = a->slots ? a->slot_kv + g * a->slots * 2 * E + head * D : NULL,
      .token_kv = a->token_kv ? a->token_kv + g * S * 2 * E + head * D : NULL,
      .first_query = count ? g * S + first - C : 0,
      .first_slot = g * a->slots,
      .first_token = g * S,
      .origin = SEGMENT_MARGIN + (a->is_causal ? 0 : S - 1),
  };
}

/// Number of keys that some query of a block sees: the slots, then tokens.
LMN_INLINE size_t segment_keys(const segment_block *s) {
  const size_t last = s->block.first + s->block.count;
  return s->slots + (s->is_causal ? lmn_min(s->tokens, last) : s->tokens);
}

/// The tile that begins with the key `key` of `keys`: it has slots or tokens, and of a causal
/// block's own tokens no others.
LMN_INLINE causal_tile segment_tile_from(const segment_block *s, size_t key, size_t keys) {
  const size_t E = s->block.width;
  if (key < s->slots)
    return (causal_tile){
        .first = key,
        .count = lmn_min(s->slots - key, CAUSAL_KEYS),
        .keys = s->slot_kv + key * 2 * E,
        .values = s->slot_kv + key * 2 * E + E,
        .row = 2 * E,
    };
  const size_t token = key - s->slots, own = s->is_causal ? s->block.first : SIZE_MAX;
  const size_t bound = token < own ? lmn_min(keys - s->slots, own) : keys - s->slots;
  return (causal_tile){
      .first = token,
      .count = lmn_min(bound - token, token < own ? CAUSAL_KEYS : CAUSAL_OWN_KEYS),
      .keys = s->token_kv + token * 2 * E,
      .values = s->token_kv + token * 2 * E + E,
      .row = 2 * E,
      .query = token < own ? 0 : (token - own) / VEC_LANES * VEC_LANES,
      .is_masked = token >= own,
  };
}

/// Biases of a head over log 2 by distance i - j of query i and token j, from `origin` on; 0 beside
/// those that exist.
static void segment_biases(bool is_causal, size_t segment, const float *bias, float *by_distance) {
  const size_t distances = lmn_segment_distances(is_causal, segment);
  memset(by_distance, 0, (distances + 2 * SEGMENT_MARGIN) * sizeof *by_distance);
  for (size_t d = 0; d < distances; d++)
    by_distance[SEGMENT_MARGIN + d] = causal_log2_e * bias[is_causal ? d : distances - 1 - d];
}

/// Adds the biases of a tile of tokens to its scores.
static void segment_add_biases(const segment_block *s, const causal_tile *tile,
                               const float *by_distance, float *scores) {
  for (size_t k = 0; k < tile->count; k++, scores += CAUSAL_QUERIES) {
    const float *biases = by_distance + s->origin + s->block.first - tile->first - k;
    for (size_t q = tile->query; q < s->block.lanes; q += VEC_LANES)
      vec_store(scores + q,
                vec_add(vec_load(scores + q, VEC_LANES), vec_load(biases + q, VEC_LANES)),
                VEC_LANES);
  }
}

/// Scores of a tile: by key, then query.
static void segment_scores(const segment_block *s, const causal_tile *tile, bool has_biases,
                           const float *by_distance, const float *queries, float *scores) {
  causal_products(&s->block, tile, tile->keys, queries, scores);
  if (has_biases) segment_add_biases(s, tile, by_distance, scores);
}

// output = sum of softmax(score) * value over slots and tokens
KERNEL(segment_attention_forward) {
  const lmn_segment_attention *a = args;
  const size_t E = a->width, H = a->heads, D = E / H;
  const size_t blocks = lmn_units(a->segment, CAUSAL_QUERIES);
  const size_t segments = lmn_segments(a->before, a->length, a->segment);
  float by_distance[SEGMENT_DISTANCES];
  size_t biased = SIZE_MAX;  // head whose biases these are
  for (size_t unit = begin; unit < end; unit++) {
    const size_t head = unit / (segments * blocks);
    const size_t g = unit / blocks % segments, first = unit % blocks * CAUSAL_QUERIES;
    const segment_block s = segment_block_of(a, head, g, first);
    const causal_block *b = &s.block;
    const size_t keys = segment_keys(&s);
    if (b->count == 0) continue;
    if (a->bias && biased != head) {
      segment_biases(a->is_causal, a->segment,
                     a->bias + head * lmn_segment_distances(a->is_causal, a->segment), by_distance);
      biased = head;
    }
    float *output = a->output + s.first_query * E + head * D;
    float *log_normalizer = a->log_normalizer + s.first_query * H + head;
    if (keys == 0) {
      for (size_t q = 0; q < b->count; q++) {
        memset(output + q * E, 0, D * sizeof *output);
        log_normalizer[q * H] = 0;
      }
      continue;
    }
    float queries[LMN_MOST_HEAD_WIDTH * CAUSAL_QUERIES] CAUSAL_ALIGNED;
    float scores[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
    causal_softmax softmax;
    causal_columns(b, a->queries + s.first_query * E + head * D, E, a->scale * causal_log2_e,
                   queries);
    causal_softmax_begin(b, &softmax);
    for (size_t key = 0; key < keys;) {
      const causal_tile tile = segment_tile_from(&s, key, keys);
      segment_scores(&s, &tile, a->bias && key >= s.slots, by_distance, queries, scores);
      if (tile.is_masked) causal_mask(b, &tile, CAUSAL_UNSEEN, scores);
      causal_softmax_weigh(b, &tile, scores, &softmax);
      if (tile.is_masked) causal_mask(b, &tile, 0, scores);
      causal_softmax_add(b, &tile, scores, &softmax);
      key += tile.count;
    }
    causal_softmax_end(b, &softmax, output, E, log_normalizer, H);
  }
}

#endif
