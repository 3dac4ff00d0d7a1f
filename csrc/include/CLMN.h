// The kernels of Logarithmic Memory Networks, for C and Swift.
//
// Conventions, said once:
//   - Arrays are dense, row-major float32; the comment behind a pointer is its shape.
//   - Outputs are overwritten, inputs are only read, and an output overlaps nothing else. Where an
//     array is both, its comment says `in` and `out`.
//   - Every function has the same bits for any number of threads: work is cut into units that own
//     all they write, and no unit depends on who computes it.
//   - Nothing is allocated, nothing is read or written but the arguments, no error is reported:
//     sizes and pointers are the caller's promise.
//
// Dimensions: B streams, L tokens of a stretch, E width, K banks, H heads, D = E / H, V vocabulary,
// N nodes of a tree (its rows), M rows of a matrix.
#ifndef CLMN_H
#define CLMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Where kernels run ------------------------------------------------------------------------

/// One instruction set: a table of kernels.
typedef struct lmn_isa lmn_isa;

/// Where a kernel runs and on how many threads. A value: the library keeps none of it.
typedef struct lmn_context {
  const lmn_isa *isa;
  size_t threads;  // at least 1
} lmn_context;

/// The `index`-th instruction set that this processor has, best first and `reference` last; NULL
/// behind the last.
const lmn_isa *lmn_isa_available(size_t index);

/// The available instruction set called `name` (avx512, avx2, neon, reference); NULL when there is
/// none.
const lmn_isa *lmn_isa_named(const char *name);

/// The instruction set that the environment variable LMN_ISA names, the best one when it is not
/// set; NULL when it names none that is available.
const lmn_isa *lmn_isa_selected(void);

const char *lmn_isa_name(const lmn_isa *);

/// The OpenBLAS that is linked, its kernels and build options.
const char *lmn_blas_description(void);

/// Computes units [begin, end) of one operation. Units are independent: a unit owns everything it
/// writes, so any split over threads gives the same bits.
typedef void lmn_kernel(const void *args, size_t begin, size_t end);

/// Runs `kernel` over units [0, count), a contiguous range per thread, at least `grain` units each.
/// The parallel version of
///
///     kernel(args, 0, count);
///
/// and exactly that when one thread is enough. Not to be called from inside a kernel with more than
/// one thread.
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

/// mean[r] = (sum of the values[r] that count) / how many count; 0 where none does
typedef struct lmn_mean {
  size_t rows, columns;    // columns: at least 1
  const float *values;     // [rows, columns]
  const int32_t *targets;  // [rows, columns], negative where a value does not count; NULL: all do
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

/// target[target_rows[r]] = source[source_rows[r]] for M rows; other rows stay as they are.
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

/// d_right = left^T . d_product, what a product's gradient gives to its right factor. (The left
/// factor gets d_product . right^T, a product like any other.)
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

/// maximum[c] = the largest of matrix[r][c] over the rows r of which weights[r] is not 0
typedef struct lmn_row_maximum {
  size_t rows, columns;
  const float *matrix;   // [rows, columns]
  const float *weights;  // [rows], not all of them 0
  float *maximum;        // [columns]
  int32_t *row;          // [columns]: the first row where the maximum stands
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

/// What all parts of a tree of summaries have in common.
typedef struct lmn_tree_shape {
  size_t banks;          // K, at least 1: summaries of every node
  size_t arity;          // r, from 2 to LMN_MOST_ARITY: children of a node
  size_t growth;         // g: how many more slots a node has than its children
  size_t highest_level;  // no level is above this one; at least 1
  size_t window;         // tokens before its own that a position may see
  bool disjoint;         // whether a position sees no token twice
} lmn_tree_shape;

/// The part of a tree of summaries that the tokens [start, start + length) of a stream touch.
///
/// Level 0 are the tokens. Node j of level i summarizes the r nodes from r j on of level i - 1,
/// once per bank; level 0 is shared by the banks. A node of level i is a list of 1 + i g vectors,
/// its slots. The part holds the nodes that these tokens finish and, per level, nodes finished
/// before them (`carried`): those that wait for siblings, and at least the newest one, which the
/// first tokens may see; on level 0 also the last `window` tokens. A whole sequence is a part with
/// start 0, one step of a stream a part with length 1.
///
/// Arrays of nodes have one row per slot: first level 0, then for each bank its levels from 1 up;
/// inside a level by node index, carried nodes first; inside a node by slot.
typedef struct lmn_tree {
  size_t start;   // tokens before this part
  size_t length;  // L, at least 1
  lmn_tree_shape shape;
} lmn_tree;

/// The nodes of one level of a part.
typedef struct lmn_tree_level {
  size_t first;    // index of the first node, which is a carried one where there are any
  size_t count;    // nodes, the carried ones included
  size_t carried;  // nodes that were finished before the part
  size_t slots;    // of each node
  size_t row;      // row of the first node, in the first bank
} lmn_tree_level;

/// The highest level that has a node.
size_t lmn_tree_levels(lmn_tree);

/// Level `level` of the part, from 0 to lmn_tree_levels.
lmn_tree_level lmn_tree_level_at(lmn_tree, size_t level);

/// Rows of one bank above level 0: bank b's row of a node is b times this behind the first bank's.
size_t lmn_tree_bank_rows(lmn_tree);

/// N, all rows.
size_t lmn_tree_rows(lmn_tree);

/// Families of one level, in every bank: r children each and the node that they become. A bank's
/// rows are `*_stride` behind those of the bank before.
typedef struct lmn_families {
  size_t count;
  size_t slots;         // of a child
  size_t child;         // row of the first child
  size_t child_stride;  // 0 where the children are tokens, which all banks share
  size_t node;          // row of the first new node
  size_t node_stride;
  size_t grown;         // row of the first family's grown children, where they grow
  size_t grown_stride;  // 0 where the children are tokens
} lmn_families;

/// The families that become the new nodes of `level`, from 1 up.
lmn_families lmn_tree_families_at(lmn_tree, size_t level);

/// Rows of an array of grown children: r slots side by side for every new slot above level 0. First
/// the families of tokens, then for each bank those of its levels from 2 up; inside a family slot
/// by slot, and there child by child.
size_t lmn_tree_grown_rows(lmn_tree);

/// Before nodes are summarized, each one's list of slots grows by g, through a transposed
/// convolution with kernel 1 + g over the slots:
///   grown[s] = bias + sum over k of child[s - k] . weight[k], where child has slot s - k
/// and the summary is then made slot by slot. Without growth (g = 0) nothing of it is used.
typedef struct lmn_expander {
  const float *weight;  // [1 + g, E, E]
  const float *bias;    // [E]
  float *grown;         // [lmn_tree_grown_rows, E]; out
} lmn_expander;

typedef struct lmn_expander_grad {
  const float *weight_transposed;  // [1 + g, E, E]
  const float *grown;              // as forward left it
  float *d_grown;                  // [lmn_tree_grown_rows, E]; out: its cotangents
  float *d_weight;                 // [1 + g, E, E]
  float *d_bias;                   // [E]
} lmn_expander_grad;

/// Affine summary of r neighbours: node[j] = [below[r j], ...] . weight + bias, per bank, on every
/// level of the tree. The children come from the node's own bank, or from all banks.
typedef struct lmn_affine_summary {
  lmn_tree tree;
  size_t width;
  size_t sources;       // J: 1, or K where every node is made from the children of all banks
  const float *weight;  // [K, J, r E, E]: E rows for each child of a source
  const float *bias;    // [K, E]
  float *nodes;         // [N, E]; in: tokens and carried nodes; out: the nodes they finish
  lmn_expander expander;
} lmn_affine_summary;

void lmn_affine_summary_forward(lmn_context, const lmn_affine_summary *);

/// The same for certain families of the rows of `nodes`; of `tree`, only the shape matters.
void lmn_affine_summary_families_forward(lmn_context, const lmn_affine_summary *, lmn_families);

typedef struct lmn_affine_summary_grad {
  lmn_tree tree;
  size_t width, sources;
  const float *nodes;              // [N, E], as forward left them
  const float *weight_transposed;  // [K, J, E, r E]
  float *d_nodes;   // [N, E]; in: cotangent of each node; out: with what its parents add to it
  float *d_weight;  // [K, J, r E, E]
  float *d_bias;    // [K, E]
  lmn_expander_grad expander;
} lmn_affine_summary_grad;

void lmn_affine_summary_backward(lmn_context, const lmn_affine_summary_grad *);

/// Depthwise-separable convolution, kernel r, stride r:
///   mixed[j] = taps[0] * below[r j] + ... + taps[r - 1] * below[r j + r - 1] + taps[r]  (per
///   channel) node[j]  = mixed[j] . pointwise + bias
/// per bank, on every level of the tree.
typedef struct lmn_separable_conv {
  lmn_tree tree;
  size_t width;
  const float *taps;       // [K, r + 1, E]: of each child, and the bias of the depthwise part
  const float *pointwise;  // [K, E, E]
  const float *bias;       // [K, E]
  float *nodes;            // [N, E]; in: tokens and carried nodes; out: the nodes they finish
  float *mixed;            // [N, E]; out: the depthwise result in the row of its node
  lmn_expander expander;
} lmn_separable_conv;

void lmn_separable_conv_forward(lmn_context, const lmn_separable_conv *);

/// The same for certain families of the rows of `nodes`; of `tree`, only the shape matters.
void lmn_separable_conv_families_forward(lmn_context, const lmn_separable_conv *, lmn_families);

typedef struct lmn_separable_conv_grad {
  lmn_tree tree;
  size_t width;
  const float *taps;                  // [K, r + 1, E]
  const float *pointwise_transposed;  // [K, E, E]
  const float *nodes, *mixed;         // [N, E], as forward left them
  float *d_nodes;      // [N, E]; in: cotangent of each node; out: with what its parents add to it
  float *d_mixed;      // [N, E]; out: cotangents of `mixed`, in the rows of the new nodes
  float *d_taps;       // [K, r + 1, E]
  float *d_pointwise;  // [K, E, E]
  float *d_bias;       // [K, E]
  lmn_expander_grad expander;
} lmn_separable_conv_grad;

void lmn_separable_conv_backward(lmn_context, const lmn_separable_conv_grad *);

enum { LMN_MOST_HEADS = 256 };

/// Single-vector attention: each slot gives a query and a value, the position one key.
///
/// The features of head h are those whose index is congruent to h modulo H: heads lie side by side,
/// so that one vector serves all of them.
///
/// On every level i with t + 1 >= r^i, and in every bank, position t sees all slots of the newest
/// node, ((t + 1) / r^i) - 1; on level 0 that is its own token. In a disjoint tree it sees, below
/// the highest level, the nodes that wait for siblings, the ((t + 1) / r^i) modulo r newest ones:
/// each token then stands in one of them. Per head:
///   score[s]  = query[s] . key[t] / sqrt(D) + bias[level of s]
///   output[t] = sum over s of softmax(score)[s] * value[s]
/// Nothing of the size of all (position, slot) pairs is stored.
typedef struct lmn_single_vector_attention {
  lmn_tree tree;
  size_t width, heads;    // heads divides width, at most LMN_MOST_HEADS
  const float *slots;     // [N, 2E]: query, then value, of each node's slots
  const float *keys;      // [L, E]
  const float *bias;      // [highest_level + 1, H], or NULL for none
  float *output;          // [L, E]
  float *log_normalizer;  // [L, H]: log of the sum of exp(score)
} lmn_single_vector_attention;

void lmn_single_vector_attention_forward(lmn_context, const lmn_single_vector_attention *);

typedef struct lmn_single_vector_attention_grad {
  lmn_tree tree;
  size_t width, heads;
  const float *slots;           // [N, 2E]
  const float *keys;            // [L, E]
  const float *bias;            // [highest_level + 1, H], or NULL
  const float *output;          // [L, E]
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_keys;                // [L, E]
  float *d_slots;               // [N, 2E]
  float *partial;  // [lmn_single_vector_attention_partial_rows, 2E]; scratch: sums of `d_slots`
  float *d_bias;   // [highest_level + 1, H]; not used without a bias
  float *partial_bias;  // [lmn_single_vector_attention_units, highest_level + 1, H]; scratch
} lmn_single_vector_attention_grad;

/// Rows of `partial`: for a long tree, about L / 64 for each slot that a position sees above the
/// levels whose nodes cover that many tokens (in general, L over the largest power of r up to 81);
/// 0 for a tree without those.
size_t lmn_single_vector_attention_partial_rows(lmn_tree);

/// Units of positions, each with a part of `partial` and `partial_bias`.
size_t lmn_single_vector_attention_units(lmn_tree);

void lmn_single_vector_attention_backward(lmn_context, const lmn_single_vector_attention_grad *);

/// The attention goes on over tokens that are seen as they are, each by neighbouring positions: R
/// of the slots, of which every position sees at most X. To their scores a gate may be added.
typedef struct lmn_recall {
  size_t length, width, heads;
  size_t tokens, places;  // R, X
  const int32_t *rows;    // [R]: the slot of each token
  const int32_t *seen;    // [L, X]: tokens that a position sees, in any order; negative for none
  const float *slots;     // rows of 2E
  const float *gates;     // [R], or NULL for none
  const float *keys;      // [L, E]
  float *output;          // [L, E]; in: over other slots; out: over these as well
  float *log_normalizer;  // [L, H]; in and out
} lmn_recall;

void lmn_recall_forward(lmn_context, const lmn_recall *);

typedef struct lmn_recall_grad {
  size_t length, width, heads, tokens, places;
  const int32_t *rows;  // [R], no slot twice
  const int32_t *seen;  // [L, X]
  const int32_t
      *audience;  // [R, 2]: the first position that sees a token, and the one behind the last
  const float *slots, *gates;
  const float *keys;            // [L, E]
  const float *output;          // [L, E], over all slots
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_keys;                // [L, E]; in and out: added to
  float *d_slots;               // rows of 2E; in and out: added to, where `rows` says
  float *d_gates;               // [R]; not used without gates
} lmn_recall_grad;

void lmn_recall_backward(lmn_context, const lmn_recall_grad *);

/// Who sees the last tokens of a stream: every position the `window` ones before its own. Tokens
/// are the rows of level 0, R of them; X is the window.
void lmn_recall_window(lmn_tree, int32_t *seen, int32_t *audience);

/// Who sees pinned tokens: position t those p with the highest scores among the tokens before it. A
/// token takes the place of the first one with the lowest score, if its own is higher.
typedef struct lmn_pinning {
  size_t length, places;  // L; p, at least 1
  const float *scores;  // [p + L]: of the tokens pinned before, -INFINITY for an empty place; then
                        // of the part's tokens
  int32_t *seen;        // [L, p]
  int32_t *audience;    // [p + L, 2]
  int64_t *pinned;      // [p]: the tokens pinned behind the part, as numbers below p + L
} lmn_pinning;

void lmn_recall_pinned(const lmn_pinning *);

/// The same attention for one position of each of B streams, over the slots it is given.
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

// ---- Layers -----------------------------------------------------------------------------------

/// RMSNorm: normalized = x * scale * gain, scale = 1 / sqrt(mean(x^2) + epsilon) per row.
typedef struct lmn_rms_norm {
  size_t rows, width;
  float epsilon;
  const float *x;     // [M, E]
  const float *gain;  // [E]
  float *normalized;  // [M, E]
  float *scale;       // [M]
} lmn_rms_norm;

void lmn_rms_norm_forward(lmn_context, const lmn_rms_norm *);

typedef struct lmn_rms_norm_grad {
  size_t rows, width;
  const float *x;             // [M, E]
  const float *gain;          // [E]
  const float *scale;         // [M]
  const float *d_normalized;  // [M, E]
  float *d_x;                 // [M, E]
  float *d_gain;              // [E]
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

/// What happens to every value by itself.
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

/// activated = log(1 / (1 + exp(-x)))
void lmn_log_sigmoid_forward(lmn_context, const lmn_activation *);
void lmn_log_sigmoid_backward(lmn_context, const lmn_activation_grad *);

/// Dropout (arXiv 1207.0580): kept[i] = x[i] / (1 - rate), or 0 where random[i] is below
/// floor(rate * 2^32). The way back is the same map of the cotangent, so no mask is stored.
///
/// random[i] is word i / 16 % 4 of block i / 64 * 16 + i % 16 of Philox4x32-10 (Salmon and others,
/// "Parallel random numbers: as easy as 1, 2, 3", 2011) with the seed as key and the counter
/// (block, site, number): it follows from the arguments alone, on every instruction set.
typedef struct lmn_dropout {
  size_t count;          // below 2^34
  float rate;            // 0 <= rate < 1
  uint32_t site;         // which of the places where one computation drops
  const uint64_t *draw;  // [2]: seed and number of the draw
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

/// Positions as sinusoids (arXiv 1706.03762, section 3.5), t = positions[r] * frequencies[i]:
///   encodings[r][2i] = sin(2 pi t), encodings[r][2i + 1] = cos(2 pi t)
typedef struct lmn_sinusoid {
  size_t rows, width;
  const int64_t *positions;   // [M], none negative
  const double *frequencies;  // [ceil(E / 2)], in turns per position
  float *encodings;           // [M, E]
} lmn_sinusoid;

void lmn_sinusoid_forward(lmn_context, const lmn_sinusoid *);

/// Softmax cross-entropy: losses[r] = log_normalizer[r] - logits[r][targets[r]],
/// log_normalizer[r] = log of the sum of exp(logits[r]). A row whose target is negative is ignored:
/// both are 0, and so is its gradient, whatever the logits are.
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
  float *d_predictions;                          // [count]; 0 where |d| has no slope
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
