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

/// mean[r] = (sum of values[r]) / columns
typedef struct lmn_mean {
  size_t rows, columns;  // columns: at least 1
  const float *values;   // [rows, columns]
  float *mean;           // [rows]
} lmn_mean;

void lmn_mean_forward(lmn_context, const lmn_mean *);

typedef struct lmn_mean_grad {
  size_t rows, columns;
  const float *d_mean;  // [rows]
  float *d_values;      // [rows, columns]
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

/// The part of a tree of summaries that the tokens [start, start + length) of a stream touch.
///
/// Level 0 are the tokens. Node j of level i summarizes nodes 2j and 2j + 1 of level i - 1, once
/// per bank; level 0 is shared by the banks. The part holds the nodes that these tokens finish and,
/// per level, the newest node finished before them (`carried`), which may become a left sibling and
/// is what the first tokens see. A whole sequence is a part with start 0, one step of a stream a
/// part with length 1.
///
/// Arrays of nodes have one row per node: first level 0, then for each bank its levels from 1 up;
/// inside a level by node index, a carried node first.
typedef struct lmn_tree {
  size_t start;   // tokens before this part
  size_t length;  // L, at least 1
  size_t banks;   // K, at least 1
} lmn_tree;

/// The nodes of one level of a part.
typedef struct lmn_tree_level {
  size_t first;    // index of the first node, which is the carried one where there is one
  size_t count;    // nodes, the carried one included
  size_t carried;  // 1 when a node was finished before the part, otherwise 0
  size_t row;      // row of the first node, in the first bank
} lmn_tree_level;

/// The highest level that has a node: floor(log2(start + length)).
size_t lmn_tree_levels(lmn_tree);

/// Level `level` of the part, from 0 to lmn_tree_levels.
lmn_tree_level lmn_tree_level_at(lmn_tree, size_t level);

/// Rows of one bank above level 0: bank b's row of a node is b times this behind the first bank's.
size_t lmn_tree_bank_rows(lmn_tree);

/// N, all rows.
size_t lmn_tree_rows(lmn_tree);

/// Pairs of neighbouring rows of an array of nodes, and the nodes they make, in every bank. A
/// bank's rows are `*_stride` behind those of the bank before.
typedef struct lmn_pairs {
  size_t count;
  size_t below;         // row of the first left child
  size_t below_stride;  // 0 where the children are tokens, which all banks share
  size_t node;          // row of the first new node
  size_t node_stride;
} lmn_pairs;

/// The pairs that make the new nodes of `level`, from 1 up.
lmn_pairs lmn_tree_pairs_at(lmn_tree, size_t level);

/// Pairwise summarization: node[j] = [below[2j], below[2j + 1]] . weight + bias, per bank, on every
/// level of the tree.
typedef struct lmn_pairwise_summary {
  lmn_tree tree;
  size_t width;
  const float *weight;  // [K, 2E, E]: the upper E rows multiply the left child
  const float *bias;    // [K, E]
  float *nodes;         // [N, E]; in: tokens and carried nodes; out: the nodes they finish
} lmn_pairwise_summary;

void lmn_pairwise_summary_forward(lmn_context, const lmn_pairwise_summary *);

/// The same for certain pairs of the rows of `nodes`; of `tree`, only the banks matter.
void lmn_pairwise_summary_pairs_forward(lmn_context, const lmn_pairwise_summary *, lmn_pairs);

typedef struct lmn_pairwise_summary_grad {
  lmn_tree tree;
  size_t width;
  const float *nodes;              // [N, E], as forward left them
  const float *weight_transposed;  // [K, E, 2E]
  float *d_nodes;   // [N, E]; in: cotangent of each node; out: with what its parents add to it
  float *d_weight;  // [K, 2E, E]
  float *d_bias;    // [K, E]
} lmn_pairwise_summary_grad;

void lmn_pairwise_summary_backward(lmn_context, const lmn_pairwise_summary_grad *);

/// Depthwise-separable convolution, kernel 2, stride 2:
///   mixed[j] = taps[0] * below[2j] + taps[1] * below[2j + 1] + taps[2]     (per channel)
///   node[j]  = mixed[j] . pointwise + bias
/// per bank, on every level of the tree.
typedef struct lmn_separable_conv {
  lmn_tree tree;
  size_t width;
  const float *taps;       // [K, 3, E]: left, right, bias of the depthwise part
  const float *pointwise;  // [K, E, E]
  const float *bias;       // [K, E]
  float *nodes;            // [N, E]; in: tokens and carried nodes; out: the nodes they finish
  float *mixed;            // [N, E]; out: the depthwise result in the row of its node
} lmn_separable_conv;

void lmn_separable_conv_forward(lmn_context, const lmn_separable_conv *);

/// The same for certain pairs of the rows of `nodes`; of `tree`, only the banks matter.
void lmn_separable_conv_pairs_forward(lmn_context, const lmn_separable_conv *, lmn_pairs);

typedef struct lmn_separable_conv_grad {
  lmn_tree tree;
  size_t width;
  const float *taps;                  // [K, 3, E]
  const float *pointwise_transposed;  // [K, E, E]
  const float *nodes, *mixed;         // [N, E], as forward left them
  float *d_nodes;      // [N, E]; in: cotangent of each node; out: with what its parents add to it
  float *d_mixed;      // [N, E]; out: cotangents of `mixed`, in the rows of the new nodes
  float *d_taps;       // [K, 3, E]
  float *d_pointwise;  // [K, E, E]
  float *d_bias;       // [K, E]
} lmn_separable_conv_grad;

void lmn_separable_conv_backward(lmn_context, const lmn_separable_conv_grad *);

enum { LMN_MOST_HEADS = 256 };

/// Single-vector attention: each slot gives a query and a value, the position one key.
///
/// The features of head h are those whose index is congruent to h modulo H: heads lie side by side,
/// so that one vector serves all of them.
///
/// Position t sees its own level-0 row and, on every level i >= 1 with t + 1 >= 2^i and for every
/// bank, node ((t + 1) >> i) - 1. Per head:
///   score[s]  = query[s] . key[t] / sqrt(D)
///   output[t] = sum over s of softmax(score)[s] * value[s]
/// Nothing of the size of all (position, slot) pairs is stored.
typedef struct lmn_single_vector_attention {
  lmn_tree tree;
  size_t width, heads;    // heads divides width, at most LMN_MOST_HEADS
  const float *slots;     // [N, 2E]: query, then value, of each node
  const float *keys;      // [L, E]
  float *output;          // [L, E]
  float *log_normalizer;  // [L, H]: log of the sum of exp(score)
} lmn_single_vector_attention;

void lmn_single_vector_attention_forward(lmn_context, const lmn_single_vector_attention *);

typedef struct lmn_single_vector_attention_grad {
  lmn_tree tree;
  size_t width, heads;
  const float *slots;           // [N, 2E]
  const float *keys;            // [L, E]
  const float *output;          // [L, E]
  const float *log_normalizer;  // [L, H]
  const float *d_output;        // [L, E]
  float *d_keys;                // [L, E]
  float *d_slots;               // [N, 2E]
  float *partial;  // [lmn_single_vector_attention_partial_rows, 2E]; scratch: sums of `d_slots`
} lmn_single_vector_attention_grad;

/// Rows of `partial`: about L / 64 for each bank's levels above 6; 0 for a tree without them.
size_t lmn_single_vector_attention_partial_rows(lmn_tree);

void lmn_single_vector_attention_backward(lmn_context, const lmn_single_vector_attention_grad *);

/// The same attention for one position of each of B streams, over the slots it is given.
typedef struct lmn_single_vector_attention_step {
  size_t streams, width, heads;
  const float *const *slots;  // [B] arrays of shape [counts[b], 2E]
  const size_t *counts;       // [B], each at least 1
  const float *keys;          // [B, E]
  float *output;              // [B, E]
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
/// log_normalizer[r] = log of the sum of exp(logits[r]).
typedef struct lmn_cross_entropy {
  size_t rows, vocabulary;
  const float *logits;             // [M, V]
  const int32_t *targets;          // [M], each in [0, V)
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
