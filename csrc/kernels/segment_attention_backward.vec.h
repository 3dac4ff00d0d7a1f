// Pullback of attention within segments: as that of causal attention, segment by segment. A unit is
// a whole head, because all segments contribute to the cotangent of its biases.
#ifndef LMN_SEGMENT_ATTENTION_BACKWARD_VEC_H
#define LMN_SEGMENT_ATTENTION_BACKWARD_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/causal_attention_backward.vec.h"
#include "kernels/segment_attention.vec.h"

/// sums[i - j] += d_scores of a tile of tokens.
static void segment_add_distances(const segment_block *s, const causal_tile *tile,
                                  const float *d_scores, float *sums) {
  for (size_t k = 0; k < tile->count; k++, d_scores += CAUSAL_QUERIES) {
    float *sum = sums + s->origin + s->block.first - tile->first - k;
    for (size_t q = tile->query; q < s->block.lanes; q += VEC_LANES)
      vec_store(sum + q, vec_add(vec_load(sum + q, VEC_LANES), vec_load(d_scores + q, VEC_LANES)),
                VEC_LANES);
  }
}

/// The cotangents of a block's queries, and its contributions to those of slots, tokens and biases
/// (`sums`, times the scale of scores).
static void segment_block_backward(const lmn_segment_attention_grad *a, const segment_block *s,
                                   size_t head, const float *by_distance, float *sums) {
  const size_t E = a->width, D = E / a->heads, offset = s->first_query * E + head * D;
  const size_t keys = segment_keys(s);
  const causal_block *b = &s->block;
  causal_cotangents c;
  causal_cotangents_of(b, a->queries + offset, E, a->output + offset, a->d_output + offset, E,
                       a->log_normalizer + s->first_query * a->heads + head, a->heads, a->scale,
                       &c);
  for (size_t key = 0; key < keys;) {
    const causal_tile tile = segment_tile_from(s, key, keys);
    const bool is_slot = key < s->slots, has_biases = a->bias && !is_slot;
    float weights[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
    float d_scores[CAUSAL_KEYS * CAUSAL_QUERIES] CAUSAL_ALIGNED;
    segment_scores(s, &tile, has_biases, by_distance, c.queries, weights);
    causal_products(b, &tile, tile.values, c.d_outputs, d_scores);
    causal_softmax_backward(&c, &tile, weights, d_scores);
    causal_add_to_queries(b, &tile, tile.keys, d_scores, c.d_queries);
    float *d_kv = is_slot ? a->d_slot_kv + (s->first_slot + tile.first) * 2 * E
                          : a->d_token_kv + (s->first_token + tile.first) * 2 * E;
    causal_add_to_keys(b, &tile, d_scores, a->queries + offset, E, d_kv + head * D);
    causal_add_to_keys(b, &tile, weights, c.d_output, E, d_kv + E + head * D);
    if (has_biases) segment_add_distances(s, &tile, d_scores, sums);
    key += tile.count;
  }
  transpose_block(D, b->count, 1, c.d_queries, CAUSAL_QUERIES, a->d_queries + offset, E);
}

KERNEL(segment_attention_backward) {
  const lmn_segment_attention_grad *a = args;
  const lmn_segment_attention forward = lmn_segment_forward(a);
  const size_t E = a->width, D = E / a->heads, S = a->segment, rows = a->before + a->length;
  const size_t segments = lmn_segments(a->before, a->length, S);
  const size_t distances = lmn_segment_distances(a->is_causal, S);
  for (size_t head = begin; head < end; head++) {
    for (size_t part = 0; part < 2; part++) {
      const size_t column = part * E + head * D;
      if (a->slots) causal_clear(a->d_slot_kv + column, segments * a->slots, 2 * E, D);
      if (a->token_kv) causal_clear(a->d_token_kv + column, rows, 2 * E, D);
    }
    float by_distance[SEGMENT_DISTANCES], sums[SEGMENT_DISTANCES], total[2 * LMN_MOST_SEGMENT];
    if (a->bias) segment_biases(a->is_causal, S, a->bias + head * distances, by_distance);
    memset(total, 0, sizeof total);
    for (size_t g = 0; g < segments; g++) {
      // Segments are summed separately, so that rounding errors grow slowly.
      memset(sums, 0, (distances + 2 * SEGMENT_MARGIN) * sizeof *sums);
      for (size_t first = 0; first < lmn_min(S, rows - g * S); first += CAUSAL_QUERIES) {
        const segment_block s = segment_block_of(&forward, head, g, first);
        if (s.block.count) segment_block_backward(a, &s, head, by_distance, sums);
      }
      for (size_t d = 0; a->bias && d < distances; d++) total[d] += sums[SEGMENT_MARGIN + d];
    }
    for (size_t d = 0; a->bias && d < distances; d++)
      a->d_bias[head * distances + (a->is_causal ? d : distances - 1 - d)] = total[d] / a->scale;
  }
}

#endif
