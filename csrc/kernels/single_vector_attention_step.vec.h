// Single-vector attention of one position. A tile has slots in place of positions; a dot has the
// same bits as in the parallel form.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_STEP_VEC_H
#define LMN_SINGLE_VECTOR_ATTENTION_STEP_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/single_vector_attention.vec.h"
#include "kernels/single_vector_attention_view.vec.h"

/// Rows of a block: slots of one position, or positions of one slot.
typedef struct {
  size_t count;
  const float *rows[ATTENTION_SLOTS + VEC_LANES];  // the last one is repeated to fill a tile
} attention_rows;

LMN_INLINE void rows_add(attention_rows *rows, const float *row) {
  rows->rows[rows->count++] = row;
}

LMN_INLINE void rows_fill_tile(attention_shape f, attention_rows *rows) {
  const float *last = rows->rows[rows->count - 1];
  const size_t tiles = lmn_units(rows->count, tile_size(f));
  for (size_t s = rows->count; s < tiles * tile_size(f); s++) rows->rows[s] = last;
}

/// Number of dots of a block of rows, those that fill a tile included.
LMN_INLINE size_t rows_dots(attention_shape f, const attention_rows *rows) {
  return lmn_units(rows->count, tile_size(f)) * tile_size(f) * f.heads;
}

/// dots[s][h] = scale * sum of vector[e] * rows[s][e] over the features of head h
LMN_INLINE void row_dots(attention_shape f, const float *vector, const attention_rows *rows,
                         float scale, float *dots) {
  for (size_t s = 0; s < rows->count; s += tile_size(f))
    head_dots_tile(f, 1, false,
                   &(head_dots_operands){&vector, 1, 0, rows->rows + s, scale, dots + s * f.heads});
}

/// sums[e] = (sums[e] * kept +) sum over s of weights[s][head of e] * rows[s][offset + e], times
/// factor, for `vectors` vectors, a constant.
LMN_INLINE void row_sums_tile(attention_shape f, const size_t vectors, const attention_rows *rows,
                              size_t offset, const float *weights, bool first, vec kept, vec factor,
                              float *sums) {
  vec sum[8];
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++)
    sum[v] = first ? vec_set(0) : vec_mul(kept, vec_load(sums + v * f.stride, f.lanes));
  for (size_t s = 0; s < rows->count; s++) {
    const vec weight = vec_repeat(weights + s * f.heads, f.heads);
    const float *row = rows->rows[s] + offset;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      sum[v] = vec_fma(weight, vec_load(row + v * f.stride, f.lanes), sum[v]);
  }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++)
    vec_store(sums + v * f.stride, vec_mul(sum[v], factor), f.lanes);
}

/// The same for all vectors of a row.
LMN_INLINE void row_sums(attention_shape f, const attention_rows *rows, size_t offset,
                         const float *weights, bool first, vec kept, vec factor, float *sums) {
  size_t v = 0;
#define ROW_SUMS(count_of)                                                                \
  for (; v + count_of <= f.vectors; v += count_of)                                        \
    row_sums_tile(f, count_of, rows, offset + v * f.stride, weights, first, kept, factor, \
                  sums + v * f.stride);
  ROW_SUMS(8)
  ROW_SUMS(4)
  ROW_SUMS(2)
  ROW_SUMS(1)
#undef ROW_SUMS
}

/// Softmax of one position over blocks of slots, a lane per head, repeated.
typedef struct {
  vec largest, normalizer;
} row_softmax;

/// Adds a block of slots with these scores to a softmax and its output; divides after the last one.
LMN_INLINE void row_softmax_add(attention_shape f, row_softmax *softmax, const attention_rows *rows,
                                size_t offset, float *scores, bool first, bool last,
                                float *output) {
  const size_t dots = rows_dots(f, rows);
  ATTENTION_ALIGNED float folded[VEC_LANES];
  const vec before = softmax->largest;
  vec largest = before;
  for (size_t i = 0; i < dots; i += VEC_LANES)
    largest = vec_max(largest, vec_load(scores + i, VEC_LANES));
  vec_store(folded, largest, VEC_LANES);
  for (size_t i = 0; i < VEC_LANES; i += f.heads)
    largest = vec_max(largest, vec_repeat(folded + i, f.heads));
  for (size_t i = 0; i < dots; i += VEC_LANES)
    vec_store(scores + i, vec_exp(vec_sub(vec_load(scores + i, VEC_LANES), largest)), VEC_LANES);
  const vec kept = first ? vec_set(0) : vec_exp(vec_sub(before, largest));
  vec normalizer = vec_mul(softmax->normalizer, kept);
  for (size_t s = 0; s < rows->count; s++)
    normalizer = vec_add(normalizer, vec_repeat(scores + s * f.heads, f.heads));
  const vec factor = vec_div(vec_set(1), last ? normalizer : vec_set(1));
  row_sums(f, rows, offset, scores, first, kept, factor, output);
  *softmax = (row_softmax){largest, normalizer};
}

// output = sum over s of softmax(query[s] . key / sqrt(D) + bias[s]) * value[s], per stream
LMN_INLINE void attention_step(attention_shape f, const lmn_single_vector_attention_step *a,
                               size_t head, size_t begin, size_t end) {
  const size_t E = a->width;
  const float scale = 1 / sqrtf((float)(E / a->heads));
  for (size_t b = begin; b < end; b++) {
    row_softmax softmax = {vec_set(-INFINITY), vec_set(0)};
    for (size_t first = 0; first < a->counts[b]; first += ATTENTION_SLOTS) {
      const size_t count = lmn_min(a->counts[b] - first, ATTENTION_SLOTS);
      ATTENTION_ALIGNED float scores[ATTENTION_SLOTS * VEC_LANES];
      attention_rows rows;
      rows.count = 0;
      for (size_t s = first; s < first + count; s++)
        rows_add(&rows, a->slots[b] + head + s * 2 * E);
      rows_fill_tile(f, &rows);
      row_dots(f, a->keys + b * E + head, &rows, scale, scores);
      if (a->biases) {
        const size_t used = lmn_min(f.heads, f.lanes);
        for (size_t s = 0; s < rows_dots(f, &rows) / f.heads; s++) {
          const size_t slot = first + lmn_min(s, count - 1);
          const vec bias = vec_load(a->biases[b] + slot * a->heads + head, used);
          vec_store(scores + s * f.heads, vec_add(vec_load(scores + s * f.heads, used), bias),
                    used);
        }
      }
      row_softmax_add(f, &softmax, &rows, E, scores, first == 0, first + count == a->counts[b],
                      a->output + b * E + head);
    }
  }
}

ATTENTION_KERNEL(single_vector_attention_step_forward, lmn_single_vector_attention_step,
                 attention_step)

#endif
