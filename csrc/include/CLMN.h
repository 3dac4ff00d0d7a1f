// The kernels of Logarithmic Memory Networks, for C and Swift.
//
// Conventions:
//   - Arrays are dense, row-major float32; the comment after a pointer is its shape.
//   - Outputs are overwritten, inputs are only read, and an output overlaps no other array. The
//     comment of an array that is both says `in` and `out`.
//   - A pointer is NULL only where its comment allows it: "or NULL", or "not used" in a case.
//   - Results have the same bits for any number of threads: work is cut into units, and all that a
//     unit writes is written by that unit alone.
//   - Subnormal numbers, below 2^-126, count as 0 while a kernel runs; afterwards, the mode of
//     every thread is as before.
//   - Nothing is allocated and no error is reported: the caller guarantees sizes and pointers.
//   - No state is kept between calls, and none of the process is changed, with one exception:
//     lmn_matmul_backward_right on avx2, with inner * columns >= 1024 * 512, in a library compiled
//     with LMN_OPENBLAS, loads libopenblas.so.0 if there is one, with OPENBLAS_NUM_THREADS=1 in the
//     environment, and calls openblas_set_num_threads(1), which holds for the process and is not
//     undone. So does lmn_blas_description. Without LMN_OPENBLAS (SwiftPM: without the trait
//     OpenBLAS) they do not.
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

// Instruction sets, threads and limits of heads.
#include "lmn/runtime.h"
// Matrix products, transposes, sums, means, maxima and copies of rows.
#include "lmn/matrices.h"
// RMSNorm and LayerNorm.
#include "lmn/norms.h"
// Activation functions, gates and dropout.
#include "lmn/activations.h"
// Embedding of tokens and bags of tokens; sinusoidal and rotary positions.
#include "lmn/embedding.h"
// Trees of summaries: their shape, parts, levels and families.
#include "lmn/tree.h"
// Summaries of the nodes of a tree: expansion, affine and convolutional summarizers.
#include "lmn/summaries.h"
// Single-vector attention over the nodes of a tree, a window and pinned tokens.
#include "lmn/tree_attention.h"
// Causal softmax attention and its key/value cache.
#include "lmn/causal_attention.h"
// Attention within segments, and slots (Memformer, arXiv 2010.06891).
#include "lmn/segments.h"
// Mixtures of memories: routers, grouping of tokens by memory, products per memory.
#include "lmn/routing.h"
// Short causal convolutions, per memory.
#include "lmn/convolution.h"
// Linear attention and delta rules: feature maps, decays and the recurrence.
#include "lmn/linear_recurrence.h"
// Diagonal state space models.
#include "lmn/state_space.h"
// Losses, AdamW and the gradient norm.
#include "lmn/training.h"

// Version of the library (semver.org), that of the Swift package.
#define LMN_VERSION_MAJOR 0
#define LMN_VERSION_MINOR 1
#define LMN_VERSION_PATCH 0

#endif
