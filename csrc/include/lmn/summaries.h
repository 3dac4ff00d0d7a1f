// Summaries of the nodes of a tree: expansion, affine and convolutional summarizers.
#ifndef CLMN_SUMMARIES_H
#define CLMN_SUMMARIES_H

#include <stddef.h>

#include "runtime.h"
#include "tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Expansion: before a summary, the slots of each child grow by g in number, by a transposed
/// convolution with kernel 1 + g over the slots:
///   grown[s] = bias + sum over k of child[s - k] . weight[k], over the slots s - k that child has
/// The summary then combines the children slot by slot. Without expansion (g = 0) not used.
typedef struct lmn_expansion {
  const float *weight;  // [1 + g, E, E]
  const float *bias;    // [E]
  float *grown;         // [lmn_tree_grown_rows, E]; out
} lmn_expansion;

typedef struct lmn_expansion_grad {
  const float *weight_transposed;  // [1 + g, E, E]
  const float *grown;              // result of the forward call
  float *d_grown;                  // [lmn_tree_grown_rows, E]
  float *d_weight;                 // [1 + g, E, E]
  float *d_bias;                   // [E]
} lmn_expansion_grad;

/// Affine summary: node[j] = [child[r j], ..., child[r j + r - 1]] . weight + bias, per bank, on
/// every level of the tree. The children are those of the node's own bank, or of all banks.
typedef struct lmn_affine_summary {
  lmn_tree tree;
  size_t width;
  size_t sources;       // J: 1, or K if a node combines the children of all banks
  const float *weight;  // [K, J, r E, E]: E rows for each child of a source
  const float *bias;    // [K, E]
  float *nodes;         // [N, E]; in: tokens and carried nodes; out: the other nodes
  lmn_expansion expansion;
} lmn_affine_summary;

void lmn_affine_summary_forward(lmn_context, const lmn_affine_summary *);

/// The same for the given families of the rows of `nodes`; of `tree`, only the shape is used.
void lmn_affine_summary_families_forward(lmn_context, const lmn_affine_summary *, lmn_families);

typedef struct lmn_affine_summary_grad {
  lmn_tree tree;
  size_t width, sources;
  const float *nodes;              // [N, E]: result of the forward call
  const float *weight_transposed;  // [K, J, E, r E]
  float *d_nodes;   // [N, E]; in: cotangents of the nodes; out: the same plus those through parents
  float *d_weight;  // [K, J, r E, E]
  float *d_bias;    // [K, E]
  lmn_expansion_grad expansion;
} lmn_affine_summary_grad;

void lmn_affine_summary_backward(lmn_context, const lmn_affine_summary_grad *);

/// Depthwise-separable convolution, kernel r, stride r:
///   mixed[j] = taps[0] * child[r j] + ... + taps[r - 1] * child[r j + r - 1] + taps[r]
///   node[j] = mixed[j] . pointwise + bias
/// per bank, on every level of the tree; products of taps are per channel.
typedef struct lmn_separable_conv {
  lmn_tree tree;
  size_t width;
  const float *taps;       // [K, r + 1, E]: a tap per child, then the depthwise bias
  const float *pointwise;  // [K, E, E]
  const float *bias;       // [K, E]
  float *nodes;            // [N, E]; in: tokens and carried nodes; out: the other nodes
  float *mixed;            // [N, E]; out: depthwise results, in the rows of the new nodes
  lmn_expansion expansion;
} lmn_separable_conv;

void lmn_separable_conv_forward(lmn_context, const lmn_separable_conv *);

/// The same for the given families of the rows of `nodes`; of `tree`, only the shape is used.
void lmn_separable_conv_families_forward(lmn_context, const lmn_separable_conv *, lmn_families);

typedef struct lmn_separable_conv_grad {
  lmn_tree tree;
  size_t width;
  const float *taps;                  // [K, r + 1, E]
  const float *pointwise_transposed;  // [K, E, E]
  const float *nodes, *mixed;         // [N, E]: results of the forward call
  float *d_nodes;  // [N, E]; in: cotangents of the nodes; out: the same plus those through parents
  float *d_mixed;  // [N, E]; out: cotangents of `mixed`, in the rows of the new nodes
  float *d_taps;   // [K, r + 1, E]
  float *d_pointwise;  // [K, E, E]
  float *d_bias;       // [K, E]
  lmn_expansion_grad expansion;
} lmn_separable_conv_grad;

void lmn_separable_conv_backward(lmn_context, const lmn_separable_conv_grad *);

#ifdef __cplusplus
}
#endif

#endif
