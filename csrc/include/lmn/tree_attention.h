// Single-vector attention over the nodes of a tree, a window and pinned tokens.
#ifndef CLMN_TREE_ATTENTION_H
#define CLMN_TREE_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "runtime.h"
#include "tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Single-vector attention: a query and a value per slot, one key per position.
///
/// The features of head h are those whose index is congruent to h modulo H.
///
/// On every level i with t + 1 >= r^i, in every bank, position t attends to all slots of the newest
/// node, ((t + 1) / r^i) - 1; on level 0 that is its own token. In a disjoint tree it attends,
/// below the highest level, to the nodes without their parent yet, the ((t + 1) / r^i) modulo r
/// newest ones: each token is then in one node. Per head:
///   score[s]  = query[s] . key[t] / sqrt(D) + bias[level of s]
///   output[t] = sum over s of softmax(score)[s] * value[s]
/// Scores of all (position, slot) pairs are not stored.
typedef struct lmn_single_vector_attention {
  lmn_tree tree;
  size_t width, heads;    // heads divides width, at most LMN_MOST_HEADS
  const float *slots;     // [N, 2E]: query, then value, of each slot
  const float *keys;      // [L, E]
  const float *bias;      // [maximum_levels + 1, H], or NULL for none
  float *output;          // [L, E]
  float *log_normalizer;  // [L, H]: log of the sum of exp(score)
} lmn_single_vector_attention;

void lmn_single_vector_attention_forward(lmn_context, const lmn_single_vector_attention *);

typedef struct lmn_single_vector_attention_grad {
  lmn_tree tree;
  size_t width, heads;
  const float *slots;           // [N, 2E]
  const float *keys;            // [L, E]
  const float *bias;            // [maximum_levels + 1, H], or NULL
  const float *output;          // [L, E]
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_keys;                // [L, E]
  float *d_slots;               // [N, 2E]
  float *partial;  // [lmn_single_vector_attention_partial_rows, 2E]; scratch; not used with 0 rows
  float *d_bias;   // [maximum_levels + 1, H]; not used without a bias
  float *partial_bias;  // [lmn_single_vector_attention_units, maximum_levels + 1, H]; scratch; not
                        // used without a bias
} lmn_single_vector_attention_grad;

/// Rows of `partial`. With p the largest power of r up to 81: about L / p for each slot that a
/// position attends to in nodes of more than p tokens; 0 without such nodes.
size_t lmn_single_vector_attention_partial_rows(lmn_tree);

/// Units of positions, each with its rows of `partial` and `partial_bias`.
size_t lmn_single_vector_attention_units(lmn_tree);

void lmn_single_vector_attention_backward(lmn_context, const lmn_single_vector_attention_grad *);

/// Extends the attention of positions to R tokens, at most X of them per position, each attended to
/// by consecutive positions:
///   score[x] = query[x] . key[t] / sqrt(D) + gate of token seen[t, x] + bias[x]
typedef struct lmn_token_attention {
  size_t length, width, heads;
  size_t tokens, places;  // R, X
  const int32_t *rows;    // [R]: row of each token in `slots`
  const int32_t *seen;    // [L, X]: tokens attended to, in any order; negative: none
  const float *slots;     // rows of 2E
  const float *gates;     // [R], added to all scores of a token; or NULL for none
  const float *bias;      // [X, H], added to the scores of a place; or NULL for none
  const float *keys;      // [L, E]
  float *output;          // [L, E]; in: over other slots; out: over these tokens too
  float *log_normalizer;  // [L, H]; in and out
} lmn_token_attention;

void lmn_token_attention_forward(lmn_context, const lmn_token_attention *);

typedef struct lmn_token_attention_grad {
  size_t length, width, heads, tokens, places;
  const int32_t *rows;      // [R], no row twice
  const int32_t *seen;      // [L, X]
  const int32_t *audience;  // [R, 2]: of each token the first position that attends to it, and the
                            // one after the last
  const float *slots, *gates, *bias;
  const float *keys;            // [L, E]
  const float *output;          // [L, E], over all slots
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_keys;                // [L, E]; in and out: added to
  float *d_slots;               // rows of 2E; in and out: added to, in `rows`
  float *d_gates;               // [R]; not used without gates
  float *d_bias;                // [X, H]; not used without a bias
  float *partial_bias;          // [lmn_token_attention_units, X, H]; scratch; not used without a
                                // bias
} lmn_token_attention_grad;

/// Units of positions of the backward pass, each with its rows of `partial_bias`.
size_t lmn_token_attention_units(size_t length);

void lmn_token_attention_backward(lmn_context, const lmn_token_attention_grad *);

/// `seen` [L, X] and `audience` [R, 2] of a window: every position attends to the X = `window`
/// tokens before its own; place x is the token x + 1 positions before. Tokens are the R rows of
/// level 0.
void lmn_token_attention_window(lmn_tree, int32_t *seen, int32_t *audience);

/// `seen` and `audience` of pinned tokens: position t attends to the p with the highest scores of
/// the tokens before it. A token replaces the first one of lowest score, if its own score is
/// higher.
typedef struct lmn_pinning {
  size_t length, count;  // L; p, at least 1
  const float *scores;   // [p + L]: of the tokens pinned before the part, -INFINITY for none; then
                         // of the part's tokens
  int32_t *seen;         // [L, p]
  int32_t *audience;     // [p + L, 2]
  int64_t *pinned;       // [p]: the tokens pinned after the part, as indices of `scores`
} lmn_pinning;

void lmn_token_attention_pinned(const lmn_pinning *);

/// Single-vector attention of one position of each of B streams, over given slots.
typedef struct lmn_single_vector_attention_step {
  size_t streams, width, heads;
  const float *const *slots;   // [B] arrays of shape [counts[b], 2E]
  const float *const *biases;  // [B] arrays of shape [counts[b], H], added to the scores; or NULL
  const size_t *counts;        // [B], each at least 1
  const float *keys;           // [B, E]
  float *output;               // [B, E]
} lmn_single_vector_attention_step;

void lmn_single_vector_attention_step_forward(lmn_context,
                                              const lmn_single_vector_attention_step *);

#ifdef __cplusplus
}
#endif

#endif
