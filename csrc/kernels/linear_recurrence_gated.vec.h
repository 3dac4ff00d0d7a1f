// Chunks of a linear recurrence with a decay per row of the state (arXiv 2312.06635): scores below
// the diagonal are sums over features e of q[i][e] k[j][e] exp(c[i][e] - c[j][e]), whose factors
// are products of single decays.
#ifndef LMN_LINEAR_RECURRENCE_GATED_VEC_H
#define LMN_LINEAR_RECURRENCE_GATED_VEC_H

#include "kernels/linear_recurrence.vec.h"

/// factors = exp(decay)
static void recurrence_factors_of(const recurrence_chunk *c, float *factors) {
  const size_t K = c->K;
  for (size_t e = 0; e < K; e += VEC_LANES) {
    const size_t lanes = vec_lanes(K - e);
    for (size_t i = 0; i < c->count; i++) {
      const vec decay = vec_load(c->decay + i * c->decay_row + e, lanes);
      vec_store(factors + i * K + e, recurrence_factor(decay), lanes);
    }
  }
}

/// product = a * b, element by element
LMN_INLINE void recurrence_multiply(size_t rows, size_t columns, const float *a, recurrence_rows b,
                                    float *product) {
  for (size_t i = 0; i < rows; i++)
    for (size_t e = 0; e < columns; e += VEC_LANES) {
      const size_t lanes = vec_lanes(columns - e), at = i * columns + e;
      const vec right = vec_load(b.at + i * b.row + e, lanes);
      vec_store(product + at, vec_mul(vec_load(a + at, lanes), right), lanes);
    }
}

/// since[i] = exp(c[i])
static void recurrence_gated_since(const recurrence_chunk *c, const float *factors, float *since) {
  for (size_t e = 0; e < c->K; e += VEC_LANES) {
    const size_t lanes = vec_lanes(c->K - e);
    vec before = vec_set(1);
    for (size_t i = 0; i < c->count; i++) {
      before = vec_mul(before, vec_load(factors + i * c->K + e, lanes));
      vec_store(since + i * c->K + e, before, lanes);
    }
  }
}

/// scaled[j] = exp(c[last] - c[j]) * k[j]
static void recurrence_gated_until(const recurrence_chunk *c, const float *factors, float *scaled) {
  for (size_t e = 0; e < c->K; e += VEC_LANES) {
    const size_t lanes = vec_lanes(c->K - e);
    vec after = vec_set(1);
    for (size_t j = c->count; j-- > 0;) {
      const vec key = vec_load(c->k.at + j * c->k.row + e, lanes);
      vec_store(scaled + j * c->K + e, vec_mul(after, key), lanes);
      after = vec_mul(after, vec_load(factors + j * c->K + e, lanes));
    }
  }
}

/// Lower triangle of the scores, 0 above it.
static void recurrence_gated_scores(const recurrence_chunk *c, const float *factors,
                                    float scores[CHUNK][CHUNK]) {
  const size_t K = c->K;
  for (size_t j = 0; j < c->count; j++) {
    for (size_t i = 0; i < j; i++) scores[i][j] = 0;
    vec moved[LMN_MOST_HEAD_WIDTH / 4];
    for (size_t i = j; i < c->count; i++) {
      vec sum = vec_set(0);
      for (size_t e = 0, part = 0; e < K; e += VEC_LANES, part++) {
        const size_t lanes = vec_lanes(K - e);
        moved[part] = i == j ? vec_load(c->k.at + j * c->k.row + e, lanes)
                             : vec_mul(moved[part], vec_load(factors + i * K + e, lanes));
        sum = vec_fma(vec_load(c->q.at + i * c->q.row + e, lanes), moved[part], sum);
      }
      scores[i][j] = vec_sum(sum);
    }
  }
}

/// A chunk with a decay per row of the state.
static void recurrence_gated_chunk_forward(const recurrence_chunk *c, float *state, float *output) {
  const size_t n = c->count, K = c->K, V = c->V, row = c->v.row;
  float factors[CHUNK * LMN_MOST_HEAD_WIDTH], scaled[CHUNK * LMN_MOST_HEAD_WIDTH];
  float scores[CHUNK][CHUNK], kept[LMN_MOST_HEAD_WIDTH];
  recurrence_factors_of(c, factors);
  recurrence_gated_scores(c, factors, scores);
  recurrence_gated_since(c, factors, scaled);
  memcpy(kept, scaled + (n - 1) * K, K * sizeof *kept);
  recurrence_multiply(n, K, scaled, c->q, scaled);
  recurrence_product(n, V, K, scaled, K, 1, (recurrence_rows){state, V}, output, row, MATMUL_ZERO);
  recurrence_lower_product(c, scores, V, c->v, output, row);

  for (size_t e = 0; e < K; e++) recurrence_decay(V, kept[e], state + e * V);
  recurrence_gated_until(c, factors, scaled);
  recurrence_product(K, V, n, scaled, 1, K, c->v, state, V, MATMUL_PRODUCT);
}

/// Cotangents of the keys without their scores on the diagonal:
///   d_k[j] = until[j] * product[j] + sum over i > j of d_scores[i][j] q[i] exp(c[i] - c[j])
static void recurrence_gated_d_keys(const recurrence_chunk *c, const float *factors,
                                    const float d_scores[CHUNK][CHUNK], const float *product,
                                    float *d_keys) {
  const size_t K = c->K;
  for (size_t e = 0; e < K; e += VEC_LANES) {
    const size_t lanes = vec_lanes(K - e);
    vec until = vec_set(1);
    for (size_t j = c->count; j-- > 0;) {
      vec sum = vec_set(0);  // Horner's scheme, from the last row
      for (size_t i = c->count; i-- > j + 1;) {
        const vec query = vec_load(c->q.at + i * c->q.row + e, lanes);
        sum = vec_mul(vec_fma(vec_set(d_scores[i][j]), query, sum),
                      vec_load(factors + i * K + e, lanes));
      }
      const vec dy = vec_load(product + j * K + e, lanes);
      vec_store(d_keys + j * c->k.row + e, vec_fma(until, dy, sum), lanes);
      until = vec_mul(until, vec_load(factors + j * K + e, lanes));
    }
  }
}

/// Cotangents of the queries without their scores on the diagonal:
///   d_q[i] = since[i] * product[i] + sum over j < i of d_scores[i][j] k[j] exp(c[i] - c[j])
static void recurrence_gated_d_queries(const recurrence_chunk *c, const float *factors,
                                       const float *since, const float d_scores[CHUNK][CHUNK],
                                       const float *product, float *d_queries) {
  const size_t K = c->K;
  for (size_t e = 0; e < K; e += VEC_LANES) {
    const size_t lanes = vec_lanes(K - e);
    for (size_t i = 0; i < c->count; i++) {
      vec sum = vec_set(0);  // Horner's scheme, from the first row
      for (size_t j = 0; j < i; j++) {
        const vec key = vec_load(c->k.at + j * c->k.row + e, lanes);
        sum = vec_mul(vec_fma(vec_set(d_scores[i][j]), key, sum),
                      vec_load(factors + (j + 1) * K + e, lanes));
      }
      const vec dy = vec_load(product + i * K + e, lanes);
      vec_store(d_queries + i * c->q.row + e, vec_fma(vec_load(since + i * K + e, lanes), dy, sum),
                lanes);
    }
  }
}

/// Cotangents of the decays, from d_last, the part of c[last] in the state after the chunk, and
/// those of queries and keys; then adds the scores on the diagonal, which have no decay, to these.
static void recurrence_gated_d_decays(const recurrence_chunk *c, const float d_scores[CHUNK][CHUNK],
                                      const float *d_last, float *d_queries, float *d_keys,
                                      float *d_decay) {
  for (size_t e = 0; e < c->K; e += VEC_LANES) {
    const size_t lanes = vec_lanes(c->K - e);
    vec after = vec_load(d_last + e, lanes);
    for (size_t i = c->count; i-- > 0;) {
      float *d_q = d_queries + i * c->q.row + e, *d_k = d_keys + i * c->k.row + e;
      const vec q = vec_load(c->q.at + i * c->q.row + e, lanes);
      const vec k = vec_load(c->k.at + i * c->k.row + e, lanes);
      const vec dq = vec_load(d_q, lanes), dk = vec_load(d_k, lanes);
      after = vec_fma(q, dq, after);
      if (i + 1 < c->count) after = vec_sub(after, vec_mul(k, dk));
      vec_store(d_decay + i * c->decay_row + e, after, lanes);
      const vec own = vec_set(d_scores[i][i]);
      vec_store(d_q, vec_fma(own, k, dq), lanes);
      vec_store(d_k, vec_fma(own, q, dk), lanes);
    }
  }
}

#endif
