// The kernels of Logarithmic Memory Networks, for C and Swift.
//
// Conventions:
//   - Arrays are dense, row-major float32; the comment after a pointer is its shape.
//   - Outputs are overwritten, inputs are only read, and an output overlaps no other array. The
//     comment of an array that is both says `in` and `out`.
//   - A pointer is NULL only where its comment allows it: "or NULL", or "not used" in a case.
//   - Results have the same bits for any number of threads: work is cut into units, and all that a
//     unit writes is written by that unit alone.
//   - Nothing is allocated and no error is reported: the caller guarantees sizes and pointers.
//   - No state is kept between calls, and none of the process is changed, with one exception:
//     lmn_matmul_backward_right on avx2, with inner * columns >= 1024 * 512, in a library compiled
//     with LMN_OPENBLAS, calls openblas_set_num_threads(1), which holds for the process and is not
//     undone. Without LMN_OPENBLAS (SwiftPM: without the trait OpenBLAS) it does not.
//   - OpenMP keeps a pool of threads, made by the first call that uses more than one. Compiled
//     without -fopenmp, the block time of the calling thread is 1 ms during a call and restored
//     after it; compiled with -fopenmp, no OpenMP setting is touched.
//   - Of the environment, lmn_isa_selected alone reads LMN_ISA; OpenMP and OpenBLAS read their own
//     variables.
//
// Dimensions: B streams, L tokens of a part, E width, K banks, H heads, D = E / H, V vocabulary,
// N rows of a tree's nodes, M rows of a matrix.
#ifndef CLMN_H
#define CLMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Version of the library (semver.org), that of the Swift package.
#define LMN_VERSION_MAJOR 0
#define LMN_VERSION_MINOR 1
#define LMN_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

// ---- Instruction sets and threads -------------------------------------------------------------

/// One instruction set: a table of kernels.
typedef struct lmn_isa lmn_isa;

/// Instruction set and largest number of threads of a call.
typedef struct lmn_context {
  const lmn_isa *isa;
  size_t threads;  // at least 1
} lmn_context;

/// The `index`-th instruction set that this processor has, best first and `reference` last; NULL
/// after the last.
const lmn_isa *lmn_isa_available(size_t index);

/// The available instruction set `name` (avx512, avx2, neon, reference); NULL if there is none.
const lmn_isa *lmn_isa_named(const char *name);

/// The instruction set named by the environment variable LMN_ISA, or the best one if it is not set;
/// NULL if the named one is not available.
const lmn_isa *lmn_isa_selected(void);

const char *lmn_isa_name(const lmn_isa *);

/// Version, kernels and build options of the linked OpenBLAS; "none" in a library without it.
const char *lmn_blas_description(void);

/// Computes units [begin, end) of one operation. Units are independent: any split over threads
/// gives the same bits.
typedef void lmn_kernel(const void *args, size_t begin, size_t end);

/// Runs `kernel` over units [0, count), a contiguous range per thread, at least `grain` units each:
///
///     kernel(args, 0, count);
///
/// on one thread if there are fewer than 2 * `grain` units. A kernel may call it with one thread
/// only.
void lmn_parallel_for(lmn_context, lmn_kernel *kernel, const void *args, size_t count,
                      size_t grain);

// ---- Matrices ---------------------------------------------------------------------------------

enum { LMN_MOST_TERMS = 16 };

/// sum = ((values[0] + values[1]) + values[2]) + ..., value by value
typedef struct lmn_sum {
  size_t count, terms;                  // terms: 1 to LMN_MOST_TERMS
  const float *values[LMN_MOST_TERMS];  // each [count]
  float *sum;                           // [count]; may be one of the terms itself
} lmn_sum;

void lmn_sum_forward(lmn_context, const lmn_sum *);

/// mean[r] = mean of the counted values[r]; 0 for a row without any
typedef struct lmn_mean {
  size_t rows, columns;    // columns: at least 1
  const float *values;     // [rows, columns]
  const int32_t *targets;  // [rows, columns], negative for values not counted; or NULL: all are
  float *mean;             // [rows]
} lmn_mean;

void lmn_mean_forward(lmn_context, const lmn_mean *);

typedef struct lmn_mean_grad {
  size_t rows, columns;
  const float *d_mean;     // [rows]
  const int32_t *targets;  // [rows, columns] or NULL
  float *d_values;         // [rows, columns]
} lmn_mean_grad;

void lmn_mean_backward(lmn_context, const lmn_mean_grad *);

/// target[target_rows[r]] = source[source_rows[r]] for M rows; other rows are not written.
typedef struct lmn_row_copy {
  size_t rows, width;
  const float *source;         // rows of `width`
  const int64_t *source_rows;  // [M], or NULL for 0, 1, 2, ...
  float *target;               // rows of `width`
  const int64_t *target_rows;  // [M], no row twice, or NULL for 0, 1, 2, ...
} lmn_row_copy;

void lmn_row_copy_forward(lmn_context, const lmn_row_copy *);

/// product = left . right + bias
typedef struct lmn_matmul {
  size_t rows, inner, columns;
  const float *left;   // [rows, inner]
  const float *right;  // [inner, columns]
  const float *bias;   // [columns], or NULL for none
  float *product;      // [rows, columns]
} lmn_matmul;

void lmn_matmul_forward(lmn_context, const lmn_matmul *);

/// d_right = left^T . d_product, the cotangent of the right factor. (That of the left factor is
/// d_product . right^T: lmn_transpose and lmn_matmul.)
typedef struct lmn_matmul_grad {
  size_t rows, inner, columns;
  const float *left;       // [rows, inner]
  const float *d_product;  // [rows, columns]
  float *d_right;          // [inner, columns]
} lmn_matmul_grad;

void lmn_matmul_backward_right(lmn_context, const lmn_matmul_grad *);

/// transposed[m][c][r] = matrix[m][r][c]
typedef struct lmn_transpose {
  size_t matrices, rows, columns;
  const float *matrix;  // [matrices, rows, columns]
  float *transposed;    // [matrices, columns, rows]
} lmn_transpose;

void lmn_transpose_forward(lmn_context, const lmn_transpose *);

/// sum[c] = sum over r of matrix[r][c]
typedef struct lmn_row_sum {
  size_t rows, columns;
  const float *matrix;  // [rows, columns]
  float *sum;           // [columns]
} lmn_row_sum;

void lmn_row_sum_forward(lmn_context, const lmn_row_sum *);

/// maximum[c] = maximum of matrix[r][c] over the rows r with weights[r] != 0
typedef struct lmn_row_maximum {
  size_t rows, columns;
  const float *matrix;   // [rows, columns]
  const float *weights;  // [rows], not all of them 0
  float *maximum;        // [columns]
  int32_t *row;          // [columns]: the first row with the maximum
} lmn_row_maximum;

void lmn_row_maximum_forward(lmn_context, const lmn_row_maximum *);

typedef struct lmn_row_maximum_grad {
  size_t rows, columns;
  const int32_t *row;      // [columns]
  const float *d_maximum;  // [columns]
  float *d_matrix;         // [rows, columns]
} lmn_row_maximum_grad;

void lmn_row_maximum_backward(lmn_context, const lmn_row_maximum_grad *);

// ---- Tree of summaries ------------------------------------------------------------------------

enum { LMN_MOST_ARITY = 16 };

/// Settings of a tree of summaries, the same for all of its parts.
typedef struct lmn_tree_shape {
  size_t banks;           // K, at least 1: summaries of every node
  size_t arity;           // r, from 2 to LMN_MOST_ARITY: children of a node
  size_t expansion;       // g: slots of a node beyond those of its children
  size_t maximum_levels;  // levels above the tokens, at most; at least 1
  size_t window;          // tokens before its own that a position may see
  bool disjoint;          // whether a position sees every token in one node at most
} lmn_tree_shape;

/// The part of a tree of summaries that belongs to the tokens [start, start + length) of a stream.
///
/// Level 0 are the tokens. Node j of level i summarizes nodes r j to r j + r - 1 of level i - 1,
/// once per bank; level 0 is shared by the banks. A node of level i has 1 + i g vectors, its slots.
/// The part has the nodes that these tokens complete and, per level, nodes completed before them
/// (`carried`): those without their parent yet, and at least the newest one; on level 0 also the
/// last `window` tokens. A whole sequence is a part with start 0, a decode step a part with
/// length 1.
///
/// Arrays of nodes have one row per slot: level 0, then for each bank its levels from 1 up; in a
/// level by node index, carried nodes first; in a node by slot.
typedef struct lmn_tree {
  size_t start;   // tokens before this part
  size_t length;  // L, at least 1
  lmn_tree_shape shape;
} lmn_tree;

/// The nodes of one level of a part.
typedef struct lmn_tree_level {
  size_t first;    // index of the first node, carried ones included
  size_t count;    // nodes, the carried ones included
  size_t carried;  // nodes completed before the part
  size_t slots;    // of each node
  size_t row;      // row of the first node, in the first bank
} lmn_tree_level;

/// The highest level that has a node.
size_t lmn_tree_levels(lmn_tree);

/// Level `level` of the part, from 0 to lmn_tree_levels.
lmn_tree_level lmn_tree_level_at(lmn_tree, size_t level);

/// Rows of one bank above level 0: a node's row in bank b is b times this after that in bank 0.
size_t lmn_tree_bank_rows(lmn_tree);

/// N: rows of level 0 and of all banks.
size_t lmn_tree_rows(lmn_tree);

/// Families of one level, in every bank: r children and their parent each. The rows of bank b are b
/// times `*_stride` after those of bank 0.
typedef struct lmn_families {
  size_t count;
  size_t slots;         // of a child
  size_t child;         // row of the first child
  size_t child_stride;  // 0 if the children are tokens, which the banks share
  size_t node;          // row of the first new node
  size_t node_stride;
  size_t grown;         // row of the first family's expanded children; without expansion not used
  size_t grown_stride;  // 0 if the children are tokens
} lmn_families;

/// The families whose parents are the new nodes of `level`, at least 1.
lmn_families lmn_tree_families_at(lmn_tree, size_t level);

/// Rows of an array of expanded children, r for every slot of a new node: the families of tokens,
/// then for each bank those of its levels from 2 up; in a family by slot, in a slot by child.
size_t lmn_tree_grown_rows(lmn_tree);

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

enum { LMN_MOST_HEADS = 256, LMN_MOST_HEAD_WIDTH = 256 };

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
/// position sees in nodes of more than p tokens; 0 without such nodes.
size_t lmn_single_vector_attention_partial_rows(lmn_tree);

/// Units of positions, each with its rows of `partial` and `partial_bias`.
size_t lmn_single_vector_attention_units(lmn_tree);

void lmn_single_vector_attention_backward(lmn_context, const lmn_single_vector_attention_grad *);

/// Extends the attention of positions to R tokens, at most X of them per position, each seen by
/// consecutive positions. A gate per token is added to its scores.
typedef struct lmn_token_attention {
  size_t length, width, heads;
  size_t tokens, places;  // R, X
  const int32_t *rows;    // [R]: row of each token in `slots`
  const int32_t *seen;    // [L, X]: tokens that a position sees, in any order; negative: none
  const float *slots;     // rows of 2E
  const float *gates;     // [R], or NULL for none
  const float *keys;      // [L, E]
  float *output;          // [L, E]; in: over other slots; out: over these tokens too
  float *log_normalizer;  // [L, H]; in and out
} lmn_token_attention;

void lmn_token_attention_forward(lmn_context, const lmn_token_attention *);

typedef struct lmn_token_attention_grad {
  size_t length, width, heads, tokens, places;
  const int32_t *rows;  // [R], no row twice
  const int32_t *seen;  // [L, X]
  const int32_t
      *audience;  // [R, 2]: the first position that sees a token, and the one after the last
  const float *slots, *gates;
  const float *keys;            // [L, E]
  const float *output;          // [L, E], over all slots
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_keys;                // [L, E]; in and out: added to
  float *d_slots;               // rows of 2E; in and out: added to, in `rows`
  float *d_gates;               // [R]; not used without gates
} lmn_token_attention_grad;

void lmn_token_attention_backward(lmn_context, const lmn_token_attention_grad *);

/// `seen` [L, X] and `audience` [R, 2] of a window: every position sees the X = `window` tokens
/// before its own. Tokens are the R rows of level 0.
void lmn_token_attention_window(lmn_tree, int32_t *seen, int32_t *audience);

/// `seen` and `audience` of pinned tokens: position t sees the p with the highest scores of the
/// tokens before it. A token replaces the first one of lowest score, if its own score is higher.
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

// ---- Linear-attention memories and their mixtures ---------------------------------------------
//
// Further dimensions: M memories, k of which a token is routed to; C = k choices of a token, or
// k + 1 with a memory that receives every token; G segments, one per memory: the rows of a memory,
// in the order of its tokens. N = L C rows in all segments, those of segment g from offsets[g] to
// offsets[g + 1] - 1.

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

enum { LMN_MOST_TAPS = 64 };

/// Causal depthwise convolution of W taps, then SiLU, within every segment:
///   activated[i] = silu(sum over j of taps[j] * x[i - W + 1 + j])
/// The rows before the first of a segment are those of `history`.
typedef struct lmn_short_conv {
  size_t rows, width, taps_count;  // N; E; W, from 1 to LMN_MOST_TAPS
  size_t segments;                 // G
  const int32_t *offsets;          // [G + 1], or NULL for one segment of all rows
  const float *x;                  // [N, E]
  const float *taps;               // [W, E]
  const float *history;            // [G, W - 1, E]
  float *activated;                // [N, E]
  float *next_history;             // [G, W - 1, E]: the last rows of history and x
} lmn_short_conv;

void lmn_short_conv_forward(lmn_context, const lmn_short_conv *);

typedef struct lmn_short_conv_grad {
  lmn_short_conv forward;       // inputs; results are not used
  const float *d_activated;     // [N, E]
  const float *d_next_history;  // [G, W - 1, E]
  float *d_x;                   // [N, E]
  float *d_taps;                // [W, E]
  float *d_history;             // [G, W - 1, E]
} lmn_short_conv_grad;

void lmn_short_conv_backward(lmn_context, const lmn_short_conv_grad *);

/// Choices of one token of each of B streams: choice j < k of stream b is of memory chosen[b][j],
/// the others of the last memory.
typedef struct lmn_stream_choices {
  size_t streams, memories;  // B; G
  size_t choices, routed;    // C, k
  const int32_t *chosen;     // [B, k]; not used with k = 0
  const int32_t *places;     // [B, C]: row of each choice, or NULL for row b, with C = 1
} lmn_stream_choices;

/// One step of lmn_short_conv for the chosen memories.
typedef struct lmn_short_conv_step {
  lmn_stream_choices choices;
  size_t width, taps_count;
  const float *x;     // [B C, E]
  const float *taps;  // [W, E]
  float *history;     // [B, G, W - 1, E]; in and out
  float *activated;   // [B C, E]
} lmn_short_conv_step;

void lmn_short_conv_step_forward(lmn_context, const lmn_short_conv_step *);

/// Map applied to queries and keys.
typedef enum lmn_feature_kind {
  LMN_FEATURE_IDENTITY,
  LMN_FEATURE_RELU,  // max(x, 0)
  LMN_FEATURE_ELU,   // x + 1 above 0, exp(x) below: elu(x) + 1
} lmn_feature_kind;

/// Feature map of every row, L2-normalised:
///   features = scale * map(x) / sqrt(sum of map(x)^2 + epsilon), or scale * map(x)
typedef struct lmn_feature_map {
  size_t rows, width;
  lmn_feature_kind kind;
  bool normalize;
  float scale, epsilon;
  const float *x;   // [M, width]
  float *features;  // [M, width]
} lmn_feature_map;

void lmn_feature_map_forward(lmn_context, const lmn_feature_map *);

typedef struct lmn_feature_map_grad {
  size_t rows, width;
  lmn_feature_kind kind;
  bool normalize;
  float scale, epsilon;
  const float *x, *d_features;  // [M, width]
  float *d_x;                   // [M, width]
} lmn_feature_map_grad;

void lmn_feature_map_backward(lmn_context, const lmn_feature_map_grad *);

/// Log-decays of heads: decay[m][h] = -exp(log_rate[h]) * log(1 + exp(x[m][h] + bias[h]))
typedef struct lmn_head_decay {
  size_t rows, heads;
  const float *x;                // [M, H]
  const float *log_rate, *bias;  // [H]
  float *decay;                  // [M, H]
} lmn_head_decay;

void lmn_head_decay_forward(lmn_context, const lmn_head_decay *);

typedef struct lmn_head_decay_grad {
  size_t rows, heads;
  const float *x;                // [M, H]
  const float *log_rate, *bias;  // [H]
  const float *decay, *d_decay;  // [M, H]
  float *d_x;                    // [M, H]
  float *d_log_rate, *d_bias;    // [H]
} lmn_head_decay_grad;

void lmn_head_decay_backward(lmn_context, const lmn_head_decay_grad *);

/// gated = x * silu(gate)
typedef struct lmn_silu_gate {
  size_t count;
  const float *x, *gate;  // [count]
  float *gated;           // [count]
} lmn_silu_gate;

void lmn_silu_gate_forward(lmn_context, const lmn_silu_gate *);

typedef struct lmn_silu_gate_grad {
  size_t count;
  const float *x, *gate, *d_gated;  // [count]
  float *d_x, *d_gate;              // [count]
} lmn_silu_gate_grad;

void lmn_silu_gate_backward(lmn_context, const lmn_silu_gate_grad *);

enum { LMN_MOST_CHUNK = 64 };

/// Recurrence of matrix-valued states S [key_width, value_width], per segment and head, row by row:
///   S = exp(decay) * S                   of all of S, or of each of its rows; without: S
///   error = value - key . S              with beta; without: value
///   S = S + key^T . (beta * error)
///   output = query . S
/// These are linear attention, gated linear attention (arXiv 2312.06635), the delta rule
/// (arXiv 2406.06484) and the gated delta rule (arXiv 2412.06464). It is computed in chunks: within
/// them by matrix products and a triangular solve.
///
/// Head h of an array [N, H w] has the features from h w to h w + w - 1.
typedef struct lmn_linear_recurrence {
  size_t rows, heads;             // N, H
  size_t key_width, value_width;  // from 1 to LMN_MOST_HEAD_WIDTH
  size_t decay_width;             // 1 or key_width; key_width only without beta
  size_t chunk;                   // rows of a chunk, from 1 to LMN_MOST_CHUNK
  size_t segments;                // G
  const int32_t *offsets;         // [G + 1], or NULL for one segment of all rows
  const float *queries, *keys;    // [N, H key_width]
  const float *values;            // [N, H value_width]
  const float *beta;              // [N, H], or NULL for 1 and no error
  const float *decay;             // [N, H decay_width], none above 0; or NULL for none
  const float *state;             // [G, H, key_width, value_width]: S before the first row
  float *next_state;              // [G, H, key_width, value_width]: S after the last row
  float *output;                  // [N, H value_width]
  float *errors;                  // [N, H value_width]; not used without beta
  float *chunk_states;  // [lmn_linear_recurrence_chunks, H, key_width, value_width]: S before each
                        // chunk, some not written; or NULL if no gradient is needed
} lmn_linear_recurrence;

/// Chunks of all segments, at most: N / chunk + G.
size_t lmn_linear_recurrence_chunks(const lmn_linear_recurrence *);

void lmn_linear_recurrence_forward(lmn_context, const lmn_linear_recurrence *);

typedef struct lmn_linear_recurrence_grad {
  lmn_linear_recurrence forward;  // inputs, errors and chunk_states; other results are not used
  const float *d_output;          // [N, H value_width]
  const float *d_next_state;      // [G, H, key_width, value_width]
  float *d_queries, *d_keys;      // [N, H key_width]
  float *d_values;                // [N, H value_width]
  float *d_beta;                  // [N, H]; not used without beta
  float *d_decay;                 // [N, H decay_width]; not used without decay
  float *d_state;                 // [G, H, key_width, value_width]
} lmn_linear_recurrence_grad;

void lmn_linear_recurrence_backward(lmn_context, const lmn_linear_recurrence_grad *);

/// One step of lmn_linear_recurrence for the chosen memories.
typedef struct lmn_linear_recurrence_step {
  lmn_stream_choices choices;
  size_t heads, key_width, value_width, decay_width;
  const float *queries, *keys;  // [B C, H key_width]
  const float *values;          // [B C, H value_width]
  const float *beta;            // [B C, H], or NULL
  const float *decay;           // [B C, H decay_width], or NULL
  float *states;                // [B, G, H, key_width, value_width]; in and out
  float *output;                // [B C, H value_width]
} lmn_linear_recurrence_step;

void lmn_linear_recurrence_step_forward(lmn_context, const lmn_linear_recurrence_step *);
// ---- State space models -----------------------------------------------------------------------

enum { LMN_STATE_SPACE_CHUNK = 64 };

/// Diagonal state space model (S4D, arXiv 2206.11893): every channel has P complex states, each
/// with a coefficient a of its recurrence and a weight w of the output:
///   state = a * state + y[t];  s[t] = sum over the states of Re(w * state) + skip * y[t]
/// Arrays of states are [P, 2, E]: of every state the real part, then the imaginary one. After
/// every chunk of LMN_STATE_SPACE_CHUNK tokens, parts below 2^-100 become 0, so that no state fades
/// through subnormal numbers.
typedef struct lmn_state_space {
  size_t length, width, states;  // L, E, P
  const float *y;                // [L, E]
  const float *coefficients;     // [P, 4, E]: a, then w, each real and imaginary
  const float *skip;             // [E]
  float *carried;  // [1 + ceil(L / LMN_STATE_SPACE_CHUNK), P, 2, E]; in: the states before the
                   // tokens in the first row; out: those after every chunk in the other rows
  float *s;        // [L, E]
} lmn_state_space;

void lmn_state_space_forward(lmn_context, const lmn_state_space *);

typedef struct lmn_state_space_grad {
  size_t length, width, states;
  const float *y, *coefficients, *skip;
  const float *carried;   // result of the forward call
  const float *d_s;       // [L, E]
  float *d_state;         // [P, 2, E]; in: cotangent of the last states; out: of the first ones
  float *d_y;             // [L, E]
  float *d_coefficients;  // [P, 4, E]
  float *d_skip;          // [E]
} lmn_state_space_grad;

void lmn_state_space_backward(lmn_context, const lmn_state_space_grad *);

/// One token of each of B streams.
typedef struct lmn_state_space_step {
  size_t streams, width, states;
  const float *y;             // [B, E]
  const float *coefficients;  // [P, 4, E]
  const float *skip;          // [E]
  float *state;               // [B, P, 2, E]; in and out
  float *s;                   // [B, E]
} lmn_state_space_step;

void lmn_state_space_step_forward(lmn_context, const lmn_state_space_step *);

/// Zero-order hold of a continuous model with step dt = exp(log_dt), transition
/// A = -exp(log_a_real) + i a_imag and output C, both of a pair of conjugate states:
///   a = exp(dt A);  w = 2 C (a - 1) / A
/// Results below 2^-100 are 0.
typedef struct lmn_discretization {
  size_t width, states;              // E, P
  const float *log_dt;               // [E]
  const float *log_a_real, *a_imag;  // [E, P]
  const float *c;                    // [E, P, 2]
  float *coefficients;               // [P, 4, E], as in lmn_state_space
} lmn_discretization;

void lmn_discretization_forward(lmn_context, const lmn_discretization *);

typedef struct lmn_discretization_grad {
  size_t width, states;
  const float *log_dt, *log_a_real, *a_imag, *c;
  const float *d_coefficients;     // [P, 4, E]
  float *d_log_dt;                 // [E]
  float *d_log_a_real, *d_a_imag;  // [E, P]
  float *d_c;                      // [E, P, 2]
} lmn_discretization_grad;

void lmn_discretization_backward(lmn_context, const lmn_discretization_grad *);

// ---- Causal attention -------------------------------------------------------------------------

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

/// Rotary positions (arXiv 2104.09864) of the first `heads` heads of D features, D even; further
/// features are copied. Elements i and i + D / 2 of a head, as (a, b), become
/// (a cos(2 pi t) - b sin(2 pi t), b cos(2 pi t) + a sin(2 pi t)), t = positions[r] *
/// frequencies[i], or -t for the inverse, which is the pullback.
typedef struct lmn_rotary {
  size_t rows, width;        // width of a row, at least heads * D
  size_t heads, head_width;  // head_width: D, even, at most LMN_MOST_HEAD_WIDTH
  bool inverse;
  const int64_t *positions;   // [M], none negative
  const double *frequencies;  // [D / 2], in turns per position
  const float *x;             // [M, width]
  float *rotated;             // [M, width]
} lmn_rotary;

void lmn_rotary_forward(lmn_context, const lmn_rotary *);

// ---- Slots and segments (Memformer, arXiv 2010.06891) -----------------------------------------

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
/// A causal query sees tokens up to its own, and the bias of token j is bias[h][i - j]; another
/// sees all tokens of its segment, with bias[h][j - i + S - 1].
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

// ---- Layers -----------------------------------------------------------------------------------

/// RMSNorm: normalized = x * scale * gain, scale = 1 / sqrt(mean(x^2) + epsilon) per row.
typedef struct lmn_rms_norm {
  size_t rows, width;
  float epsilon;
  const float *x;     // [M, E]
  const float *gain;  // [E], or NULL: ones
  float *normalized;  // [M, E]
  float *scale;       // [M]
} lmn_rms_norm;

void lmn_rms_norm_forward(lmn_context, const lmn_rms_norm *);

typedef struct lmn_rms_norm_grad {
  size_t rows, width;
  const float *x;             // [M, E]
  const float *gain;          // [E], or NULL
  const float *scale;         // [M]
  const float *d_normalized;  // [M, E]
  float *d_x;                 // [M, E]
  float *d_gain;              // [E]; not used without a gain
} lmn_rms_norm_grad;

void lmn_rms_norm_backward(lmn_context, const lmn_rms_norm_grad *);

/// LayerNorm: normalized = (x - mean) * scale * gain + bias, scale = 1 / sqrt(variance + epsilon)
/// per row.
typedef struct lmn_layer_norm {
  size_t rows, width;
  float epsilon;
  const float *x;            // [M, E]
  const float *gain, *bias;  // [E]
  float *normalized;         // [M, E]
  float *mean, *scale;       // [M]
} lmn_layer_norm;

void lmn_layer_norm_forward(lmn_context, const lmn_layer_norm *);

typedef struct lmn_layer_norm_grad {
  size_t rows, width;
  const float *x;             // [M, E]
  const float *gain;          // [E]
  const float *mean, *scale;  // [M]
  const float *d_normalized;  // [M, E]
  float *d_x;                 // [M, E]
  float *d_gain, *d_bias;     // [E]
} lmn_layer_norm_grad;

void lmn_layer_norm_backward(lmn_context, const lmn_layer_norm_grad *);

/// Arguments of an activation function, applied to every value.
typedef struct lmn_activation {
  size_t count;
  const float *x;    // [count]
  float *activated;  // [count]
} lmn_activation;

typedef struct lmn_activation_grad {
  size_t count;
  const float *x, *d_activated;  // [count]
  float *d_x;                    // [count]
} lmn_activation_grad;

/// SiLU: activated = x / (1 + exp(-x))
void lmn_silu_forward(lmn_context, const lmn_activation *);
void lmn_silu_backward(lmn_context, const lmn_activation_grad *);

/// GELU: activated = x * (1 + erf(x / sqrt(2))) / 2
void lmn_gelu_forward(lmn_context, const lmn_activation *);
void lmn_gelu_backward(lmn_context, const lmn_activation_grad *);

/// ReLU: activated = max(x, 0); the slope at 0 is 0.
void lmn_relu_forward(lmn_context, const lmn_activation *);
void lmn_relu_backward(lmn_context, const lmn_activation_grad *);

/// Logistic function: activated = 1 / (1 + exp(-x))
void lmn_sigmoid_forward(lmn_context, const lmn_activation *);
void lmn_sigmoid_backward(lmn_context, const lmn_activation_grad *);

/// activated = log(1 / (1 + exp(-x)))
void lmn_log_sigmoid_forward(lmn_context, const lmn_activation *);
void lmn_log_sigmoid_backward(lmn_context, const lmn_activation_grad *);

/// Gated linear unit (arXiv 1612.08083) of a row (a, b): gated = a / (1 + exp(-b))
typedef struct lmn_gated_linear_unit {
  size_t rows, width;
  const float *x;  // [M, 2E]: a, then b
  float *gated;    // [M, E]
} lmn_gated_linear_unit;

void lmn_gated_linear_unit_forward(lmn_context, const lmn_gated_linear_unit *);

typedef struct lmn_gated_linear_unit_grad {
  size_t rows, width;
  const float *x;        // [M, 2E]
  const float *d_gated;  // [M, E]
  float *d_x;            // [M, 2E]
} lmn_gated_linear_unit_grad;

void lmn_gated_linear_unit_backward(lmn_context, const lmn_gated_linear_unit_grad *);

/// Dropout (arXiv 1207.0580) of rows from r on: kept[i] = x[i] / (1 - rate), or 0 if
/// random[r * width + i] is below floor(rate * 2^32). The pullback is the same map of the
/// cotangent; no mask is stored.
///
/// random[i] is word i / 16 % 4 of block i / 64 * 16 + i % 16 of Philox4x32-10 (Salmon and others,
/// "Parallel random numbers: as easy as 1, 2, 3", 2011) with the seed as key and the counter
/// (block, site, number), on every instruction set.
typedef struct lmn_dropout {
  size_t count, width;   // values, and values per row; r * width + count is below 2^34
  float rate;            // 0 <= rate < 1
  uint32_t site;         // number of the dropout among those of one computation
  const uint64_t *draw;  // [3]: seed, number of the computation, r
  const float *x;        // [count]
  float *kept;           // [count]
} lmn_dropout;

void lmn_dropout_forward(lmn_context, const lmn_dropout *);

/// vectors[r] = table[ids[r]]
typedef struct lmn_embedding {
  size_t rows, vocabulary, width;
  const int32_t *ids;  // [M], each in [0, V)
  const float *table;  // [V, E]
  float *vectors;      // [M, E]
} lmn_embedding;

void lmn_embedding_forward(lmn_context, const lmn_embedding *);

typedef struct lmn_embedding_grad {
  size_t rows, vocabulary, width;
  const int32_t *ids;      // [M]
  const float *d_vectors;  // [M, E]
  float *d_table;          // [V, E]
} lmn_embedding_grad;

void lmn_embedding_backward(lmn_context, const lmn_embedding_grad *);

/// Sinusoidal positions (arXiv 1706.03762, section 3.5), t = positions[r] * frequencies[i]:
///   encodings[r][2i] = sin(2 pi t), encodings[r][2i + 1] = cos(2 pi t)
typedef struct lmn_sinusoid {
  size_t rows, width;
  const int64_t *positions;   // [M], none negative
  const double *frequencies;  // [ceil(E / 2)], in turns per position
  float *encodings;           // [M, E]
} lmn_sinusoid;

void lmn_sinusoid_forward(lmn_context, const lmn_sinusoid *);

/// Softmax cross-entropy: losses[r] = log_normalizer[r] - logits[r][targets[r]],
/// log_normalizer[r] = log of the sum of exp(logits[r]). For a row with a negative target both are
/// 0, and so is its gradient.
typedef struct lmn_cross_entropy {
  size_t rows, vocabulary;
  const float *logits;             // [M, V]
  const int32_t *targets;          // [M], each in [0, V) or negative
  float *losses, *log_normalizer;  // [M]
} lmn_cross_entropy;

void lmn_cross_entropy_forward(lmn_context, const lmn_cross_entropy *);

typedef struct lmn_cross_entropy_grad {
  size_t rows, vocabulary;
  const float *logits;          // [M, V]
  const int32_t *targets;       // [M]
  const float *log_normalizer;  // [M]
  const float *d_losses;        // [M]
  float *d_logits;              // [M, V]
} lmn_cross_entropy_grad;

void lmn_cross_entropy_backward(lmn_context, const lmn_cross_entropy_grad *);

/// errors[i] = weights[i] * d^2, or weights[i] * |d|, d = predictions[i] - targets[i]
typedef struct lmn_prediction_error {
  size_t count;
  bool squared;
  const float *predictions, *targets, *weights;  // [count]
  float *errors;                                 // [count]
} lmn_prediction_error;

void lmn_prediction_error_forward(lmn_context, const lmn_prediction_error *);

typedef struct lmn_prediction_error_grad {
  size_t count;
  bool squared;
  const float *predictions, *targets, *weights;  // [count]
  const float *d_errors;                         // [count]
  float *d_predictions;                          // [count]; for |d| 0 at d = 0
} lmn_prediction_error_grad;

void lmn_prediction_error_backward(lmn_context, const lmn_prediction_error_grad *);

// ---- Optimizer --------------------------------------------------------------------------------

/// AdamW with decoupled weight decay (arXiv 1711.05101, algorithm 2), one step:
///   g = gradient * gradient_scale
///   first  = beta1 * first  + (1 - beta1) * g
///   second = beta2 * second + (1 - beta2) * g^2
///   value  = value * (1 - learning_rate * weight_decay)
///            - learning_rate / correction1 * first / (sqrt(second / correction2) + epsilon)
typedef struct lmn_adamw {
  size_t count;
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2;  // 1 - beta^step
  float gradient_scale;
  const float *gradient;          // [count]
  float *value, *first, *second;  // [count]; in and out
} lmn_adamw;

void lmn_adamw_update(lmn_context, const lmn_adamw *);

enum { LMN_SQUARED_NORM_BLOCK = 4096 };

/// partial[b] = sum of squares of block b of LMN_SQUARED_NORM_BLOCK values; their sum is the
/// squared Euclidean norm.
typedef struct lmn_squared_norm {
  size_t count;
  const float *values;  // [count]
  float *partial;       // [ceil(count / LMN_SQUARED_NORM_BLOCK)]
} lmn_squared_norm;

void lmn_squared_norm_forward(lmn_context, const lmn_squared_norm *);

#ifdef __cplusplus
}
#endif

#endif
