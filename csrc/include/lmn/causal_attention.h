// Causal softmax attention and its key/value cache.
#ifndef CLMN_CAUSAL_ATTENTION_H
#define CLMN_CAUSAL_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Causal softmax attention of the L tokens of a chunk to themselves, to earlier tokens of the
/// chunk and to C tokens before it.
///
/// Head h has features h D to h D + D - 1. A token t attends to itself and to the w tokens before
/// its own, as far as there are any. Per head:
///   score[s]  = scale * query[t] . key[s]
///   output[t] = sum over s of softmax(score)[s] * value[s]
/// Scores are computed in tiles: nothing of size L x L is stored.
typedef struct lmn_causal_attention {
  size_t length, width, heads;  // heads divides width; D at most LMN_MOST_HEAD_WIDTH
  size_t before;                // C
  size_t window;                // w; SIZE_MAX for no limit
  float scale;
  const float *qkv;                          // [L, 3E]: query, key and value of each token
  const float *keys_before, *values_before;  // [C, E]
  float *output;                             // [L, E]
  float *log_normalizer;                     // [L, H]: log of the sum of exp(score)
} lmn_causal_attention;

void lmn_causal_attention_forward(lmn_context, const lmn_causal_attention *);

typedef struct lmn_causal_attention_grad {
  size_t length, width, heads, before, window;
  float scale;
  const float *qkv;                          // [L, 3E]
  const float *keys_before, *values_before;  // [C, E]
  const float *output;                       // [L, E]
  const float *log_normalizer;               // [L, H]
  const float *d_output;                     // [L, E]
  float *d_qkv;                              // [L, 3E]
  float *d_keys_before, *d_values_before;    // [C, E] each, or both NULL: not computed
} lmn_causal_attention_grad;

void lmn_causal_attention_backward(lmn_context, const lmn_causal_attention_grad *);

enum { LMN_CACHE_CHUNK = 64 };

/// Causal attention of one token of each of B streams, whose keys and values are added to the
/// stream's cache.
///
/// A cache is a list of chunks with LMN_CACHE_CHUNK places each. A chunk has, per head, the keys
/// [D, LMN_CACHE_CHUNK], then the values [LMN_CACHE_CHUNK, D]. The place of token t is t, with a
/// window t modulo w + 1; places without a token yet may hold any values.
typedef struct lmn_causal_attention_step {
  size_t streams, width, heads;
  size_t window;  // w; SIZE_MAX for no limit
  float scale;
  const int64_t *positions;     // [B]: of the tokens
  const float *qkv;             // [B, 3E]
  float *const *const *caches;  // [B]: chunks of the places up to that of the token; in and out
  float *output;                // [B, E]
} lmn_causal_attention_step;

void lmn_causal_attention_step_forward(lmn_context, const lmn_causal_attention_step *);

#ifdef __cplusplus
}
#endif

#endif
