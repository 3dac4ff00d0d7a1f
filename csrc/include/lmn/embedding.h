// Embedding of tokens and bags of tokens; sinusoidal and rotary positions.
#ifndef CLMN_EMBEDDING_H
#define CLMN_EMBEDDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

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

/// Scaled sums of rows of a table. Bag b holds the ids [offsets[b], offsets[b + 1]):
///   vectors[b] = scales[b] * sum of table[id] over its ids
/// Offsets begin with 0 and do not decrease; an empty bag has the vector 0.
typedef struct lmn_embedding_bag {
  size_t bags, vocabulary, width;
  const int32_t *offsets;  // [B + 1]
  const int32_t *ids;      // [offsets[B]], each in [0, V)
  const float *scales;     // [B]
  const float *table;      // [V, E]
  float *vectors;          // [B, E]
} lmn_embedding_bag;

void lmn_embedding_bag_forward(lmn_context, const lmn_embedding_bag *);

typedef struct lmn_embedding_bag_grad {
  size_t bags, vocabulary, width;
  const int32_t *offsets;  // [B + 1]
  const int32_t *ids;      // [offsets[B]]
  const float *scales;     // [B]
  const float *d_vectors;  // [B, E]
  float *d_table;          // [V, E]
} lmn_embedding_bag_grad;

void lmn_embedding_bag_backward(lmn_context, const lmn_embedding_bag_grad *);

/// Sinusoidal positions (arXiv 1706.03762, section 3.5), t = positions[r] * frequencies[i]:
///   encodings[r][2i] = sin(2 pi t), encodings[r][2i + 1] = cos(2 pi t)
typedef struct lmn_sinusoid {
  size_t rows, width;
  const int64_t *positions;   // [M], none negative
  const double *frequencies;  // [ceil(E / 2)], in turns per position
  float *encodings;           // [M, E]
} lmn_sinusoid;

void lmn_sinusoid_forward(lmn_context, const lmn_sinusoid *);

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

#ifdef __cplusplus
}
#endif

#endif
