// Linear recurrence in chunks. With S the state before a chunk, c[i] the sum of decays up to row i
// and G[i][j] = exp(c[i] - c[j]) for j <= i, all rows of a chunk are (arXiv 2412.06464, section 3):
//   E = V - diag(exp(c)) K S - strictly lower(G * K K^T) diag(beta) E
//   O = diag(exp(c)) Q S + lower(G * Q K^T) diag(beta) E
//   S = exp(c[last]) S + sum over j of exp(c[last] - c[j]) k[j]^T beta[j] e[j]
// Factors exp(c[i] - c[j]) are products of single decays, which neither overflow nor cancel.
#ifndef LMN_LINEAR_RECURRENCE_VEC_H
#define LMN_LINEAR_RECURRENCE_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/linear_recurrence.h"
#include "kernels/matmul.vec.h"
#include "kernels/transpose.vec.h"

enum {
  CHUNK = LMN_MOST_CHUNK,
  CHUNK_BLOCK = 16,  // rows of a block of a triangular matrix
  SOLVE_BLOCK = 8,   // rows of a block that is solved row by row
};

/// A matrix of one head: a column of blocks of a wider one.
typedef struct {
  const float *at;
  size_t row;  // stride
} recurrence_rows;

/// One chunk of one head.
typedef struct {
  size_t count;  // rows
  size_t row;    // of the first one
  size_t K, V;
  recurrence_rows q, k, v;
  const float *beta, *decay;  // of the first row, or NULL
  size_t per_row;             // stride of beta: H
  size_t decay_row;           // stride of decay
} recurrence_chunk;

static recurrence_chunk recurrence_chunk_at(const lmn_linear_recurrence *a, lmn_recurrence_unit u,
                                            size_t row) {
  const size_t H = a->heads, K = a->key_width, V = a->value_width, at = row * H + u.head;
  return (recurrence_chunk){
      .count = lmn_min(a->chunk, u.end - row),
      .row = row,
      .K = K,
      .V = V,
      .q = {a->queries + at * K, H * K},
      .k = {a->keys + at * K, H * K},
      .v = {a->values + at * V, H * V},
      .beta = a->beta ? a->beta + at : NULL,
      .decay = a->decay ? a->decay + at * a->decay_width : NULL,
      .per_row = H,
      .decay_row = H * a->decay_width,
  };
}

/// product (+)= left . right; left[i][k] is at left[i * left_row + k * left_step].
LMN_INLINE void recurrence_product(size_t rows, size_t columns, size_t inner, const float *left,
                                   size_t left_row, size_t left_step, recurrence_rows right,
                                   float *product, size_t product_row, matmul_start start) {
  const matmul_operands o = {
      .inner = inner,
      .left = left,
      .left_row = left_row,
      .left_step = left_step,
      .right = right.at,
      .right_row = right.row,
      .product = product,
      .product_row = product_row,
  };
  matmul_block(rows, columns, &o, start, NULL);
}

/// scaled[i] = factors[i] * rows[i]
LMN_INLINE void recurrence_scale(size_t rows, size_t columns, const float *factors,
                                 recurrence_rows from, float *scaled) {
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < columns; c += VEC_LANES) {
      const size_t lanes = vec_lanes(columns - c);
      const vec row = vec_load(from.at + i * from.row + c, lanes);
      vec_store(scaled + i * columns + c, vec_mul(vec_set(factors[i]), row), lanes);
    }
}

/// exp(decay), or 0 below 2^-100: vec_exp is never 0, and a strong decay empties a state at once.
LMN_INLINE vec recurrence_factor(vec decay) {
  const vec factor = vec_exp(decay);
  return vec_sub(factor, vec_where_positive(vec_sub(vec_set(0x1p-100f), factor), factor));
}

/// state *= factor
LMN_INLINE void recurrence_decay(size_t count, float factor, float *state) {
  for (size_t i = 0; i < count; i += VEC_LANES) {
    const size_t lanes = vec_lanes(count - i);
    vec_store(state + i, vec_mul(vec_set(factor), vec_load(state + i, lanes)), lanes);
  }
}

/// Decays of the rows of a chunk, one of the whole state per row.
typedef struct {
  float gap[CHUNK][CHUNK];  // G, 0 above the diagonal
  float since[CHUNK];       // exp(c[i])
  float until[CHUNK];       // exp(c[last] - c[j])
} recurrence_decays;

static void recurrence_decays_of(const recurrence_chunk *c, recurrence_decays *d) {
  float factor[CHUNK], before = 1;
  for (size_t i = 0; i < c->count; i++) factor[i] = c->decay ? c->decay[i * c->decay_row] : 0;
  for (size_t i = 0; i < c->count; i += VEC_LANES) {
    const size_t lanes = vec_lanes(c->count - i);
    vec_store(factor + i, recurrence_factor(vec_load(factor + i, lanes)), lanes);
  }
  for (size_t i = 0; i < c->count; i++) {
    before *= factor[i];
    d->since[i] = before;
    for (size_t j = 0; j < CHUNK; j += VEC_LANES)
      vec_store(
          d->gap[i] + j,
          i ? vec_mul(vec_set(factor[i]), vec_load(d->gap[i - 1] + j, VEC_LANES)) : vec_set(0),
          VEC_LANES);
    d->gap[i][i] = 1;
  }
  memcpy(d->until, d->gap[c->count - 1], sizeof d->until);
}

/// Lower triangle of left . right^T times the decays, 0 above it. `right` is transposed.
static void recurrence_scores(const recurrence_chunk *c, const recurrence_decays *d,
                              recurrence_rows left, const float *right,
                              float scores[CHUNK][CHUNK]) {
  for (size_t b = 0; b < c->count; b += CHUNK_BLOCK) {
    const size_t rows = lmn_min(CHUNK_BLOCK, c->count - b), columns = b + rows;
    recurrence_product(rows, columns, c->K, left.at + b * left.row, left.row, 1,
                       (recurrence_rows){right, CHUNK}, scores[b], CHUNK, MATMUL_ZERO);
    for (size_t i = b; i < columns; i++)
      for (size_t j = 0; j < columns; j += VEC_LANES) {
        const size_t lanes = vec_lanes(columns - j);
        const vec gap = vec_load(d->gap[i] + j, lanes);
        vec_store(scores[i] + j, vec_mul(gap, vec_load(scores[i] + j, lanes)), lanes);
      }
  }
}

/// matrix[i][j] *= -factor, below the diagonal; the solves read nothing else. The factor is
/// beta[j], for a system of the errors, or beta[i], for its transpose.
static void recurrence_system(const recurrence_chunk *c, bool of_row, float matrix[CHUNK][CHUNK]) {
  float minus[CHUNK];
  for (size_t j = 0; j < c->count; j++) minus[j] = -c->beta[j * c->per_row];
  for (size_t i = 0; i < c->count; i++) {
    for (size_t j = 0; j < i; j += VEC_LANES) {
      const size_t lanes = vec_lanes(i - j);
      const vec factor = of_row ? vec_set(minus[i]) : vec_load(minus + j, lanes);
      vec_store(matrix[i] + j, vec_mul(factor, vec_load(matrix[i] + j, lanes)), lanes);
    }
  }
}

/// x[i] += sum over j < i of factors[i][j] * x[j], from the first row to the last.
static void recurrence_solve_down(const recurrence_chunk *c, const float factors[CHUNK][CHUNK],
                                  float *x, size_t stride) {
  for (size_t b = 0; b < c->count; b += SOLVE_BLOCK) {
    const size_t end = lmn_min(b + SOLVE_BLOCK, c->count);
    if (b)
      recurrence_product(end - b, c->V, b, factors[b], CHUNK, 1, (recurrence_rows){x, stride},
                         x + b * stride, stride, MATMUL_PRODUCT);
    for (size_t i = b + 1; i < end; i++)
      for (size_t j = b; j < i; j++)
        vec_accumulate(x + i * stride, factors[i][j], x + j * stride, c->V);
  }
}

/// x[j] += sum over i > j of factors[i][j] * x[i], from the last row to the first.
static void recurrence_solve_up(const recurrence_chunk *c, const float factors[CHUNK][CHUNK],
                                float *x) {
  const size_t blocks = lmn_units(c->count, SOLVE_BLOCK);
  for (size_t block = blocks; block-- > 0;) {
    const size_t b = block * SOLVE_BLOCK, end = lmn_min(b + SOLVE_BLOCK, c->count);
    if (end < c->count)
      recurrence_product(end - b, c->V, c->count - end, factors[end] + b, 1, CHUNK,
                         (recurrence_rows){x + end * c->V, c->V}, x + b * c->V, c->V,
                         MATMUL_PRODUCT);
    for (size_t j = end; j-- > b;)
      for (size_t i = j + 1; i < end; i++)
        vec_accumulate(x + j * c->V, factors[i][j], x + i * c->V, c->V);
  }
}

/// product (+)= lower(matrix) . right
static void recurrence_lower_product(const recurrence_chunk *c, const float matrix[CHUNK][CHUNK],
                                     size_t columns, recurrence_rows right, float *product,
                                     size_t product_row) {
  for (size_t b = 0; b < c->count; b += CHUNK_BLOCK) {
    const size_t rows = lmn_min(CHUNK_BLOCK, c->count - b);
    recurrence_product(rows, columns, b + rows, matrix[b], CHUNK, 1, right,
                       product + b * product_row, product_row, MATMUL_PRODUCT);
  }
}

/// product += lower(matrix)^T . right
static void recurrence_upper_product(const recurrence_chunk *c, const float matrix[CHUNK][CHUNK],
                                     size_t columns, recurrence_rows right, float *product,
                                     size_t product_row) {
  for (size_t b = 0; b < c->count; b += CHUNK_BLOCK) {
    const size_t rows = lmn_min(CHUNK_BLOCK, c->count - b);
    const recurrence_rows from = {right.at + b * right.row, right.row};
    recurrence_product(rows, columns, c->count - b, matrix[b] + b, 1, CHUNK, from,
                       product + b * product_row, product_row, MATMUL_PRODUCT);
  }
}

/// Rows written to the state: beta * error, or the values.
static recurrence_rows recurrence_written(const recurrence_chunk *c, recurrence_rows errors,
                                          float *scratch) {
  if (!c->beta) return c->v;
  float beta[CHUNK];
  for (size_t i = 0; i < c->count; i++) beta[i] = c->beta[i * c->per_row];
  recurrence_scale(c->count, c->V, beta, errors, scratch);
  return (recurrence_rows){scratch, c->V};
}

/// A chunk whose decays, if any, are of the whole state.
static void recurrence_chunk_forward(const recurrence_chunk *c, float *state, float *errors,
                                     float *output) {
  const size_t n = c->count, K = c->K, V = c->V, row = c->v.row;
  const recurrence_rows before = {state, V};
  recurrence_decays decays;
  float keys[LMN_MOST_HEAD_WIDTH * CHUNK], scores[CHUNK][CHUNK];
  float scaled[CHUNK * LMN_MOST_HEAD_WIDTH], written[CHUNK * LMN_MOST_HEAD_WIDTH];
  recurrence_decays_of(c, &decays);
  transpose_block(n, K, 1, c->k.at, c->k.row, keys, CHUNK);
  if (c->beta) {
    float minus[CHUNK];
    for (size_t i = 0; i < n; i++) {
      minus[i] = -decays.since[i];
      memcpy(errors + i * row, c->v.at + i * row, V * sizeof *errors);
    }
    recurrence_scale(n, K, minus, c->k, scaled);
    recurrence_product(n, V, K, scaled, K, 1, before, errors, row, MATMUL_PRODUCT);
    recurrence_scores(c, &decays, c->k, keys, scores);
    recurrence_system(c, false, scores);
    recurrence_solve_down(c, scores, errors, row);
  }
  const recurrence_rows u = recurrence_written(c, (recurrence_rows){errors, row}, written);
  recurrence_scale(n, K, decays.since, c->q, scaled);
  recurrence_product(n, V, K, scaled, K, 1, before, output, row, MATMUL_ZERO);
  recurrence_scores(c, &decays, c->q, keys, scores);
  recurrence_lower_product(c, scores, V, u, output, row);

  recurrence_decay(K * V, decays.since[n - 1], state);
  recurrence_scale(n, K, decays.until, c->k, scaled);
  recurrence_product(K, V, n, scaled, 1, K, u, state, V, MATMUL_PRODUCT);
}

#include "kernels/linear_recurrence_gated.vec.h"

// Per head of a segment, chunk by chunk.
KERNEL(linear_recurrence_forward) {
  const lmn_linear_recurrence *a = args;
  const size_t size = lmn_recurrence_state_size(a);
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_recurrence_unit u = lmn_recurrence_unit_at(a, unit);
    float *state = a->next_state + u.state * size;
    memcpy(state, a->state + u.state * size, size * sizeof *state);
    for (size_t row = u.row; row < u.end; row += a->chunk) {
      if (a->chunk_states) memcpy(lmn_chunk_state(a, u, row), state, size * sizeof *state);
      const recurrence_chunk c = recurrence_chunk_at(a, u, row);
      const size_t at = (row * a->heads + u.head) * a->value_width;
      if (a->decay && a->decay_width > 1)
        recurrence_gated_chunk_forward(&c, state, a->output + at);
      else
        recurrence_chunk_forward(&c, state, a->beta ? a->errors + at : NULL, a->output + at);
    }
  }
}

#endif
