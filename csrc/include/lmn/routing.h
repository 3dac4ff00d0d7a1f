// Mixtures of memories: routers, grouping of tokens by memory, products per memory.
//
// Further dimensions: M memories, k of which a token is routed to; C = k choices of a token, or
// k + 1 with a memory that receives every token; G segments, one per memory: the rows of a memory,
// in the order of its tokens. N = L C rows in all segments, those of segment g from offsets[g] to
// offsets[g + 1] - 1.
#ifndef CLMN_ROUTING_H
#define CLMN_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Router: each token chooses the k memories with the largest logits, the lower number among
/// equals.
///   probabilities[t] = softmax(logits[t])
///   weights[t][j] = probabilities[t][chosen[t][j]] / sum of probabilities of the chosen
typedef struct lmn_router {
  size_t rows, memories, routed;  // L, M, k from 1 to M
  const float *logits;            // [L, M]
  float *probabilities;           // [L, M]
  int32_t *chosen;                // [L, k], the largest first
  float *weights;                 // [L, k]
} lmn_router;

void lmn_router_forward(lmn_context, const lmn_router *);

/// Cotangent of the logits given that of the weights; the choice has no gradient.
typedef struct lmn_router_grad {
  size_t rows, memories, routed;
  const int32_t *chosen;   // [L, k]
  const float *weights;    // [L, k]
  const float *d_weights;  // [L, k]
  float *d_logits;         // [L, M]
} lmn_router_grad;

void lmn_router_backward(lmn_context, const lmn_router_grad *);

/// Balance loss of a router over L tokens (arXiv 2101.03961, equation 4), the mean of
///   terms[m] = M^2 * shares[m] * mean over t of probabilities[t][m]
/// shares[m]: fraction of the tokens that chose m, a constant for the gradient. The loss is k if
/// all probabilities are equal.
typedef struct lmn_router_balance {
  size_t rows, memories, routed;
  const int32_t *chosen;       // [L, k]
  const float *probabilities;  // [L, M]
  float *shares;               // [M]
  float *terms;                // [M]
} lmn_router_balance;

void lmn_router_balance_forward(lmn_context, const lmn_router_balance *);

typedef struct lmn_router_balance_grad {
  size_t rows, memories;
  const float *probabilities;  // [L, M]
  const float *shares;         // [M]
  const float *d_terms;        // [M]
  float *d_logits;             // [L, M]
} lmn_router_balance_grad;

void lmn_router_balance_backward(lmn_context, const lmn_router_balance_grad *);

/// Grouping of tokens by memory: a stable counting sort.
typedef struct lmn_grouping {
  size_t rows, memories, routed;  // L, M, k
  bool shared;                    // one more segment, the last, receives every token
  const int32_t *chosen;          // [L, k]
  int32_t *offsets;               // [G + 1], G = M + shared
  int32_t *places;                // [L, C], C = k + shared: row of each choice
} lmn_grouping;

void lmn_group_tokens(const lmn_grouping *);

/// Rows of the choices of every token.
typedef struct lmn_choices {
  size_t rows, choices, routed;  // L; C; k, 0 if no choice is weighted
  const int32_t *places;         // [L, C], every row of N = L C once
  const float *weights;          // [L, k] of the first k choices, those of others are 1; NULL if k
                                 // is 0
} lmn_choices;

/// dispatched[places[t][j]] = weight[t][j] * tokens[t]
typedef struct lmn_dispatch {
  lmn_choices choices;
  size_t width;
  const float *tokens;  // [L, E]
  float *dispatched;    // [N, E]
} lmn_dispatch;

void lmn_dispatch_forward(lmn_context, const lmn_dispatch *);

/// combined[t] = sum over j of weight[t][j] * dispatched[places[t][j]]
typedef struct lmn_combine {
  lmn_choices choices;
  size_t width;
  const float *dispatched;  // [N, E]
  float *combined;          // [L, E]
} lmn_combine;

void lmn_combine_forward(lmn_context, const lmn_combine *);

/// Cotangent of the weights of lmn_combine. (That of `dispatched` is lmn_dispatch with its weights;
/// that of the tokens of lmn_dispatch is lmn_combine.)
typedef struct lmn_combine_grad {
  lmn_choices choices;
  size_t width;
  const float *dispatched;  // [N, E]
  const float *d_combined;  // [L, E]
  float *d_weights;         // [L, k]
} lmn_combine_grad;

void lmn_combine_backward(lmn_context, const lmn_combine_grad *);

/// product = left . right[g] + bias[g] for the rows of every segment g
typedef struct lmn_grouped_matmul {
  size_t rows, inner, columns;
  size_t segments;         // G
  const int32_t *offsets;  // [G + 1], or NULL for one segment of all rows
  const float *left;       // [N, inner]
  const float *right;      // [G, inner, columns]
  const float *bias;       // [G, columns], or NULL for none
  float *product;          // [N, columns]
} lmn_grouped_matmul;

void lmn_grouped_matmul_forward(lmn_context, const lmn_grouped_matmul *);

/// d_right[g] = left^T . d_product over the rows of segment g
typedef struct lmn_grouped_matmul_grad {
  size_t rows, inner, columns;
  size_t segments;
  const int32_t *offsets;  // [G + 1], or NULL for one segment of all rows
  const float *left;       // [N, inner]
  const float *d_product;  // [N, columns]
  float *d_right;          // [G, inner, columns]
} lmn_grouped_matmul_grad;

void lmn_grouped_matmul_backward_right(lmn_context, const lmn_grouped_matmul_grad *);

/// sum[g] = sum of the rows of segment g
typedef struct lmn_grouped_row_sum {
  size_t rows, columns;
  size_t segments;
  const int32_t *offsets;  // [G + 1], or NULL for one segment of all rows
  const float *matrix;     // [N, columns]
  float *sum;              // [G, columns]
} lmn_grouped_row_sum;

void lmn_grouped_row_sum_forward(lmn_context, const lmn_grouped_row_sum *);

/// Choices of one token of each of B streams: choice j < k of stream b is of memory chosen[b][j],
/// the others of the last memory.
typedef struct lmn_stream_choices {
  size_t streams, memories;  // B; G
  size_t choices, routed;    // C, k
  const int32_t *chosen;     // [B, k]; not used with k = 0
  const int32_t *places;     // [B, C]: row of each choice, or NULL for row b, with C = 1
} lmn_stream_choices;

#ifdef __cplusplus
}
#endif

#endif
