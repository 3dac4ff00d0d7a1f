// Attention within segments, and slots (Memformer, arXiv 2010.06891).
#ifndef CLMN_SEGMENTS_H
#define CLMN_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "causal_attention.h"
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LMN_MOST_SEGMENT = 1024 };

/// Softmax attention of L queries within segments of S tokens: to the k slots of the query's
/// segment, and to tokens of the segment, with a bias by distance.
///
/// Row j of the tokens is token j modulo S of segment j / S. The first C tokens have no query;
/// query t is that of token C + t. There are G = (C + L) / S segments, rounded up. Head h has
/// features h D to h D + D - 1. Per head, for token i of its segment:
///   score of a slot  = scale * query . key
///   score of token j = scale * query . key + bias, of token j of the same segment
///   output           = sum of softmax(score) * value over slots and tokens; 0 if there are none
/// A causal query attends to tokens up to its own, and the bias of token j is bias[h][i - j];
/// another attends to all tokens of its segment, with bias[h][j - i + S - 1].
typedef struct lmn_segment_attention {
  size_t length, before;  // L; C, below S
  size_t segment, slots;  // S, from 1 to LMN_MOST_SEGMENT; k
  size_t width, heads;    // heads divides width; D at most LMN_MOST_HEAD_WIDTH
  bool is_causal;
  float scale;
  const int32_t *counts;  // [G]: tokens that a segment has, its first ones; or NULL: all C + L
  const float *queries;   // [L, E]
  const float *slot_kv;   // [G, k, 2E]: key and value of each slot
  const float *token_kv;  // [C + L, 2E]: key and value of each token; or NULL: no tokens
  const float *bias;      // [H, S], or [H, 2S - 1] unless causal; or NULL: zeros
  float *output;          // [L, E]
  float *log_normalizer;  // [L, H]: log of the sum of exp(score); 0 if there are no scores
} lmn_segment_attention;

void lmn_segment_attention_forward(lmn_context, const lmn_segment_attention *);

typedef struct lmn_segment_attention_grad {
  size_t length, before, segment, slots, width, heads;
  bool is_causal;
  float scale;
  const int32_t *counts;        // [G], or NULL
  const float *queries;         // [L, E]
  const float *slot_kv;         // [G, k, 2E]
  const float *token_kv;        // [C + L, 2E], or NULL
  const float *bias;            // as above, or NULL
  const float *output;          // [L, E]
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_queries;             // [L, E]
  float *d_slot_kv;             // [G, k, 2E]
  float *d_token_kv;            // [C + L, 2E]; not used without tokens
  float *d_bias;                // of the shape of bias; not used without one
} lmn_segment_attention_grad;

void lmn_segment_attention_backward(lmn_context, const lmn_segment_attention_grad *);

/// Causal attention within segments of one token of each of B streams, whose keys and values are
/// added to the stream's cache.
///
/// A cache is a list of (k + S) / LMN_CACHE_CHUNK chunks, rounded up, like those of causal
/// attention. The place of slot i is i, that of token t is k + t modulo S; places of tokens that
/// the segment does not have yet may hold any values.
typedef struct lmn_segment_attention_step {
  size_t streams, segment, slots, width, heads;
  float scale;
  const int64_t *positions;     // [B]: of the tokens
  const float *qkv;             // [B, 3E]: query, key and value of each token
  const float *bias;            // [H, S]: by distance
  float *const *const *caches;  // [B]: chunks; in and out
  float *output;                // [B, E]
} lmn_segment_attention_step;

void lmn_segment_attention_step_forward(lmn_context, const lmn_segment_attention_step *);

/// Slot attention: the k slots of each of B streams are rewritten by the n tokens of a segment. A
/// slot attends to itself, with its own value, and to the tokens. Per head:
///   p       = softmax over 0 ... n of scale * (query_i . key_i, query_i . key of each token)
///   sum_i   = p_0 * slot_i + sum over j of p_j * value_j + forgetting_i
/// The new slots are the RMSNorm of the sums, without gain (lmn_rms_norm).
typedef struct lmn_slot_write {
  size_t streams, slots, tokens;  // B; k; S
  size_t width, heads;            // heads divides width; D at most LMN_MOST_HEAD_WIDTH
  float scale;                    // 1 / (sqrt(D) * temperature)
  const int32_t *counts;          // [B]: n, from 0 to S, the first ones; or NULL: all
  const float *slot_values;       // [B, k, E]
  const float *slot_qk;           // [B, k, 2E]: query and key of each slot
  const float *token_kv;          // [B, S, 2E]: key and value of each token
  const float *forgetting;        // [k, E], or NULL: zeros
  float *sums;                    // [B, k, E]
  float *largest;                 // [B, k, H]: largest score over log 2
  float *normalizer;              // [B, k, H]: sum of 2^(score over log 2 - largest)
} lmn_slot_write;

void lmn_slot_write_forward(lmn_context, const lmn_slot_write *);

/// The cotangent of forgetting is the sum of d_sums over streams.
typedef struct lmn_slot_write_grad {
  size_t streams, slots, tokens, width, heads;
  float scale;
  const int32_t *counts;     // [B], or NULL
  const float *slot_values;  // [B, k, E]
  const float *slot_qk;      // [B, k, 2E]
  const float *token_kv;     // [B, S, 2E]
  const float *largest;      // [B, k, H]
  const float *normalizer;   // [B, k, H]
  const float *d_sums;       // [B, k, E]
  float *d_slot_values;      // [B, k, E]: by their own values alone
  float *d_slot_qk;          // [B, k, 2E]
  float *d_token_kv;         // [B, S, 2E]
} lmn_slot_write_grad;

void lmn_slot_write_backward(lmn_context, const lmn_slot_write_grad *);

#ifdef __cplusplus
}
#endif

#endif
