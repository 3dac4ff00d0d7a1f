// Backward pass of a linear recurrence in chunks, from the last one to the first. Notation of
// linear_recurrence.vec.h; d_X is the cotangent of X, U = diag(beta) E the rows that are written,
// A = lower(G * Q K^T), B = strictly lower(G * K K^T):
//   d_U = A^T d_O + diag(exp(c[last] - c)) K d_S
//   d_R = (I + diag(beta) B)^-T d_U,  d_V = diag(beta) d_R,  d_beta[i] = d_R[i] . E[i]
//   d_A = lower(d_O U^T),  d_B = -strictly lower(d_V U^T)
// without a delta rule d_V = d_U and no d_B. The cotangent of c[i] - c[j] is that of A[i][j] and
// B[i][j] times their values.
#ifndef LMN_LINEAR_RECURRENCE_BACKWARD_VEC_H
#define LMN_LINEAR_RECURRENCE_BACKWARD_VEC_H

#include "kernels/linear_recurrence.vec.h"

enum { CHUNK_VALUES = CHUNK * LMN_MOST_HEAD_WIDTH };

/// Cotangents of the rows of one chunk, of one head.
typedef struct {
  const float *d_output;
  float *d_q, *d_k, *d_v;   // strides of q, k and v
  float *d_beta, *d_decay;  // strides per_row and decay_row
} recurrence_cotangents;

static recurrence_cotangents recurrence_cotangents_at(const lmn_linear_recurrence_grad *g,
                                                      lmn_recurrence_unit u, size_t row) {
  const lmn_linear_recurrence *a = &g->forward;
  const size_t at = row * a->heads + u.head;
  return (recurrence_cotangents){
      .d_output = g->d_output + at * a->value_width,
      .d_q = g->d_queries + at * a->key_width,
      .d_k = g->d_keys + at * a->key_width,
      .d_v = g->d_values + at * a->value_width,
      .d_beta = a->beta ? g->d_beta + at : NULL,
      .d_decay = a->decay ? g->d_decay + at * a->decay_width : NULL,
  };
}

/// d_U = A^T d_O + diag(until) K d_S. On return, scratch holds the keys times `until`.
static void recurrence_d_written(const recurrence_chunk *c, const recurrence_decays *decays,
                                 const float scores[CHUNK][CHUNK], const float *d_output,
                                 const float *d_state, float *scratch, float *d_written) {
  const size_t n = c->count, K = c->K, V = c->V;
  recurrence_scale(n, K, decays->until, c->k, scratch);
  recurrence_product(n, V, K, scratch, K, 1, (recurrence_rows){d_state, V}, d_written, V,
                     MATMUL_ZERO);
  recurrence_upper_product(c, scores, V, (recurrence_rows){d_output, c->v.row}, d_written, V);
}

/// Solves for d_R in place of d_U and computes d_beta; d_v = diag(beta) d_R.
static void recurrence_solve_backward(const recurrence_chunk *c, const float system[CHUNK][CHUNK],
                                      const float *errors, float *d_written,
                                      const recurrence_cotangents *d) {
  recurrence_solve_up(c, system, d_written);
  for (size_t i = 0; i < c->count; i++) {
    d->d_beta[i * c->per_row] = vec_dot(d_written + i * c->V, errors + i * c->v.row, c->V);
    const float beta = c->beta[i * c->per_row];
    for (size_t v = 0; v < c->V; v += VEC_LANES) {
      const size_t lanes = vec_lanes(c->V - v);
      float *row = d_written + i * c->V + v;
      vec_store(row, vec_mul(vec_set(beta), vec_load(row, lanes)), lanes);
    }
  }
}

/// Cotangent of the scores `values` = G * (left . right^T) from the lower triangle of
/// sign * d_left . written^T (`written` is transposed): times G in d_scores, for the products, and
/// times the values added to d_sums, the cotangents of c. The diagonal has no decay; with `strict`
/// it is 0.
static void recurrence_d_scores(const recurrence_chunk *c, const recurrence_decays *decays,
                                const float values[CHUNK][CHUNK], recurrence_rows d_left,
                                const float *written, float sign, bool strict,
                                float d_scores[CHUNK][CHUNK], float *d_sums) {
  float columns[CHUNK] = {0};
  for (size_t b = 0; b < c->count; b += CHUNK_BLOCK) {
    const size_t rows = lmn_min(CHUNK_BLOCK, c->count - b), end = b + rows;
    recurrence_product(rows, end, c->V, d_left.at + b * d_left.row, d_left.row, 1,
                       (recurrence_rows){written, CHUNK}, d_scores[b], CHUNK, MATMUL_ZERO);
    for (size_t i = b; i < end; i++) {
      if (strict) d_scores[i][i] = 0;
      vec row = vec_set(0);
      for (size_t j = 0; j < end; j += VEC_LANES) {
        const size_t lanes = vec_lanes(end - j);
        const vec dy = vec_mul(vec_set(sign), vec_load(d_scores[i] + j, lanes));
        vec_store(d_scores[i] + j, vec_mul(dy, vec_load(decays->gap[i] + j, lanes)), lanes);
        if (j >= i) continue;
        const size_t below = vec_lanes(i - j);
        const vec change = vec_first(vec_mul(dy, vec_load(values[i] + j, lanes)), below, 0);
        row = vec_add(row, change);
        vec_store(columns + j, vec_add(vec_load(columns + j, lanes), change), lanes);
      }
      d_sums[i] += vec_sum(row);
    }
  }
  for (size_t j = 0; j < c->count; j++) d_sums[j] -= columns[j];
}

/// d_rows[i] (+)= factors[i] * product[i]; d_sums[i] += that . rows[i].
static void recurrence_d_rows(size_t count, size_t columns, const float *factors,
                              const float *product, recurrence_rows rows, bool add, float *d_rows,
                              float *d_sums) {
  for (size_t i = 0; i < count; i++) {
    vec along = vec_set(0);
    for (size_t e = 0; e < columns; e += VEC_LANES) {
      const size_t lanes = vec_lanes(columns - e);
      const vec dy = vec_mul(vec_set(factors[i]), vec_load(product + i * columns + e, lanes));
      float *at = d_rows + i * rows.row + e;
      vec_store(at, add ? vec_add(vec_load(at, lanes), dy) : dy, lanes);
      along = vec_fma(dy, vec_load(rows.at + i * rows.row + e, lanes), along);
    }
    d_sums[i] += vec_sum(along);
  }
}

/// A chunk whose decays, if any, are of the whole state; d_state becomes the cotangent of `state`.
static void recurrence_chunk_backward(const recurrence_chunk *c, const float *state,
                                      const float *errors, const recurrence_cotangents *d,
                                      float *d_state) {
  const size_t n = c->count, K = c->K, V = c->V;
  const recurrence_rows d_o = {d->d_output, c->v.row};
  recurrence_decays decays;
  float keys[CHUNK_VALUES], scaled[CHUNK_VALUES], written[CHUNK_VALUES], d_written[CHUNK_VALUES];
  float product[CHUNK_VALUES], turned[CHUNK_VALUES];
  float states[LMN_MOST_HEAD_WIDTH * LMN_MOST_HEAD_WIDTH];
  float scores[CHUNK][CHUNK], system[CHUNK][CHUNK], d_scores[CHUNK][CHUNK];
  float minus[CHUNK], given[CHUNK] = {0}, d_sums[CHUNK] = {0};  // d_sums: cotangents of c

  recurrence_decays_of(c, &decays);
  transpose_block(n, K, 1, c->k.at, c->k.row, keys, CHUNK);
  recurrence_scores(c, &decays, c->q, keys, scores);
  const recurrence_rows u = recurrence_written(c, (recurrence_rows){errors, c->v.row}, written);
  transpose_block(n, V, 1, u.at, u.row, turned, CHUNK);
  recurrence_d_written(c, &decays, scores, d->d_output, d_state, scaled, d_written);

  // Keys and c, from the state after the chunk.
  transpose_block(K, V, 1, d_state, V, states, K);
  recurrence_product(n, K, V, u.at, u.row, 1, (recurrence_rows){states, K}, product, K,
                     MATMUL_ZERO);
  recurrence_d_rows(n, K, decays.until, product, c->k, false, d->d_k, given);
  for (size_t j = 0; j + 1 < n; j++) {
    d_sums[n - 1] += given[j];
    d_sums[j] -= given[j];
  }
  const float kept = decays.since[n - 1];
  d_sums[n - 1] += kept * vec_dot(d_state, state, K * V);

  // Queries, and the part of the keys in their scores.
  recurrence_d_scores(c, &decays, scores, d_o, turned, 1, false, d_scores, d_sums);
  transpose_block(K, V, 1, state, V, states, K);
  recurrence_product(n, K, V, d_o.at, d_o.row, 1, (recurrence_rows){states, K}, product, K,
                     MATMUL_ZERO);
  recurrence_d_rows(n, K, decays.since, product, c->q, false, d->d_q, d_sums);
  recurrence_lower_product(c, d_scores, K, c->k, d->d_q, c->q.row);
  recurrence_upper_product(c, d_scores, K, c->q, d->d_k, c->k.row);

  recurrence_decay(K * V, kept, d_state);
  recurrence_scale(n, K, decays.since, c->q, scaled);
  recurrence_product(K, V, n, scaled, 1, K, d_o, d_state, V, MATMUL_PRODUCT);

  if (c->beta) {
    recurrence_scores(c, &decays, c->k, keys, scores);
    memcpy(system, scores, n * sizeof *scores);
    recurrence_system(c, true, system);
    recurrence_solve_backward(c, system, errors, d_written, d);
    const recurrence_rows d_v = {d_written, V};
    recurrence_d_scores(c, &decays, scores, d_v, turned, -1, true, d_scores, d_sums);
    recurrence_product(n, K, V, d_written, V, 1, (recurrence_rows){states, K}, product, K,
                       MATMUL_ZERO);
    for (size_t i = 0; i < n; i++) minus[i] = -decays.since[i];
    recurrence_d_rows(n, K, minus, product, c->k, true, d->d_k, d_sums);
    recurrence_lower_product(c, d_scores, K, c->k, d->d_k, c->k.row);
    recurrence_upper_product(c, d_scores, K, c->k, d->d_k, c->k.row);
    recurrence_scale(n, K, minus, c->k, scaled);
    recurrence_product(K, V, n, scaled, 1, K, d_v, d_state, V, MATMUL_PRODUCT);
  }
  for (size_t i = 0; i < n; i++)
    memcpy(d->d_v + i * c->v.row, d_written + i * V, V * sizeof *d_written);
  if (!c->decay) return;
  float after = 0;
  for (size_t i = n; i-- > 0;) d->d_decay[i * c->decay_row] = after += d_sums[i];
}

/// A chunk with a decay per row of the state; d_state becomes the cotangent of `state`.
static void recurrence_gated_chunk_backward(const recurrence_chunk *c, const float *state,
                                            const recurrence_cotangents *d, float *d_state) {
  const size_t n = c->count, K = c->K, V = c->V;
  const recurrence_rows d_o = {d->d_output, c->v.row};
  float factors[CHUNK_VALUES], scaled[CHUNK_VALUES], product[CHUNK_VALUES], turned[CHUNK_VALUES];
  float d_values[CHUNK_VALUES], states[LMN_MOST_HEAD_WIDTH * LMN_MOST_HEAD_WIDTH];
  float scores[CHUNK][CHUNK], d_scores[CHUNK][CHUNK], d_sums[LMN_MOST_HEAD_WIDTH];
  recurrence_factors_of(c, factors);
  recurrence_gated_scores(c, factors, scores);

  recurrence_gated_until(c, factors, scaled);
  recurrence_product(n, V, K, scaled, K, 1, (recurrence_rows){d_state, V}, d_values, V,
                     MATMUL_ZERO);
  recurrence_upper_product(c, scores, V, d_o, d_values, V);
  for (size_t i = 0; i < n; i++)
    memcpy(d->d_v + i * c->v.row, d_values + i * V, V * sizeof *d_values);

  transpose_block(n, V, 1, c->v.at, c->v.row, turned, CHUNK);
  recurrence_product(n, n, V, d_o.at, d_o.row, 1, (recurrence_rows){turned, CHUNK}, d_scores[0],
                     CHUNK, MATMUL_ZERO);

  // Cotangents of keys: from the state after the chunk, and of scores below the diagonal.
  transpose_block(K, V, 1, d_state, V, states, K);
  recurrence_product(n, K, V, c->v.at, c->v.row, 1, (recurrence_rows){states, K}, product, K,
                     MATMUL_ZERO);
  recurrence_gated_d_keys(c, factors, d_scores, product, d->d_k);
  // d_sums: cotangents of c, here of its last row.
  for (size_t e = 0; e < K; e++) {
    float sum = 0;
    for (size_t j = 0; j + 1 < n; j++) sum += scaled[j * K + e] * product[j * K + e];
    d_sums[e] = sum;
  }
  recurrence_gated_since(c, factors, scaled);
  for (size_t e = 0; e < K; e++)
    d_sums[e] += scaled[(n - 1) * K + e] * vec_dot(d_state + e * V, state + e * V, V);

  transpose_block(K, V, 1, state, V, states, K);
  recurrence_product(n, K, V, d_o.at, d_o.row, 1, (recurrence_rows){states, K}, product, K,
                     MATMUL_ZERO);
  recurrence_gated_d_queries(c, factors, scaled, d_scores, product, d->d_q);

  for (size_t e = 0; e < K; e++) recurrence_decay(V, scaled[(n - 1) * K + e], d_state + e * V);
  recurrence_multiply(n, K, scaled, c->q, scaled);
  recurrence_product(K, V, n, scaled, 1, K, d_o, d_state, V, MATMUL_PRODUCT);
  recurrence_gated_d_decays(c, d_scores, d_sums, d->d_q, d->d_k, d->d_decay);
}

// Per head of a segment, from the last chunk to the first.
KERNEL(linear_recurrence_backward) {
  const lmn_linear_recurrence_grad *g = args;
  const lmn_linear_recurrence *a = &g->forward;
  const size_t size = lmn_recurrence_state_size(a);
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_recurrence_unit u = lmn_recurrence_unit_at(a, unit);
    float *d_state = g->d_state + u.state * size;
    memcpy(d_state, g->d_next_state + u.state * size, size * sizeof *d_state);
    for (size_t chunk = lmn_units(u.end - u.row, a->chunk); chunk-- > 0;) {
      const size_t row = u.row + chunk * a->chunk;
      const recurrence_chunk c = recurrence_chunk_at(a, u, row);
      const recurrence_cotangents d = recurrence_cotangents_at(g, u, row);
      const float *state = lmn_chunk_state(a, u, row);
      if (a->decay && a->decay_width > 1)
        recurrence_gated_chunk_backward(&c, state, &d, d_state);
      else
        recurrence_chunk_backward(
            &c, state, a->beta ? a->errors + (row * a->heads + u.head) * a->value_width : NULL, &d,
            d_state);
    }
  }
}

#endif
