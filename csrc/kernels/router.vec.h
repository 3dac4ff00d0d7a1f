#ifndef LMN_ROUTER_VEC_H
#define LMN_ROUTER_VEC_H

#include "isa/kernel.h"
#include "kernels/row_sum.vec.h"

/// values = exp(logits - largest); the sum.
LMN_INLINE float router_exponentials(const float *logits, size_t count, float largest,
                                     float *values) {
  vec sum = vec_set(0);
  for (size_t m = 0; m < count; m += VEC_LANES) {
    const size_t lanes = vec_lanes(count - m);
    const vec power = vec_exp(vec_sub(vec_load(logits + m, lanes), vec_set(largest)));
    vec_store(values + m, power, lanes);
    sum = vec_add(sum, vec_first(power, lanes, 0));
  }
  return vec_sum(sum);
}

LMN_INLINE void router_scale(float *values, size_t count, float factor) {
  for (size_t m = 0; m < count; m += VEC_LANES) {
    const size_t lanes = vec_lanes(count - m);
    vec_store(values + m, vec_mul(vec_set(factor), vec_load(values + m, lanes)), lanes);
  }
}

/// The index of the largest logit that is not among the `taken` first choices; of equals the first.
/// Comparing indices keeps choices distinct where logits are NaN.
LMN_INLINE int32_t router_next(const float *logits, size_t count, const int32_t *chosen,
                               size_t taken) {
  int32_t best = -1;
  for (int32_t m = 0; m < (int32_t)count; m++) {
    bool chose = false;
    for (size_t j = 0; j < taken; j++) chose |= chosen[j] == m;
    if (!chose && (best < 0 || logits[m] > logits[best])) best = m;
  }
  return best;
}

// probabilities = softmax(logits), weights = softmax over the k largest
KERNEL(router_forward) {
  const lmn_router *a = args;
  const size_t M = a->memories, k = a->routed;
  for (size_t t = begin; t < end; t++) {
    const float *logits = a->logits + t * M;
    float *probabilities = a->probabilities + t * M, *weights = a->weights + t * k;
    int32_t *chosen = a->chosen + t * k;
    for (size_t j = 0; j < k; j++) chosen[j] = router_next(logits, M, chosen, j);
    const float largest = logits[chosen[0]];
    const float sum = router_exponentials(logits, M, largest, probabilities);
    for (size_t j = 0; j < k; j++) weights[j] = logits[chosen[j]];
    const float chosen_sum = router_exponentials(weights, k, largest, weights);
    router_scale(probabilities, M, 1 / sum);
    router_scale(weights, k, 1 / chosen_sum);
  }
}

// d_logits[chosen[j]] = weights[j] * (d_weights[j] - weights . d_weights), others 0
KERNEL(router_backward) {
  const lmn_router_grad *a = args;
  const size_t M = a->memories, k = a->routed;
  for (size_t t = begin; t < end; t++) {
    const float *weights = a->weights + t * k, *d_weights = a->d_weights + t * k;
    const float along = vec_dot(weights, d_weights, k);
    memset(a->d_logits + t * M, 0, M * sizeof *a->d_logits);
    for (size_t j = 0; j < k; j++)
      a->d_logits[t * M + (size_t)a->chosen[t * k + j]] = weights[j] * (d_weights[j] - along);
  }
}

// shares[m] = tokens that chose m / L, terms[m] = M^2 * shares[m] * mean of probabilities[t][m]
KERNEL(router_balance_forward) {
  const lmn_router_balance *a = args;
  const size_t M = a->memories, k = a->routed;
  for (size_t m = begin; m < end; m++) {
    float total = 0;
    size_t chose = 0;
    for (size_t first = 0; first < a->rows; first += ROW_SUM_DEPTH) {
      float part = 0;
      const size_t last = lmn_min(first + ROW_SUM_DEPTH, a->rows);
      for (size_t t = first; t < last; t++) part += a->probabilities[t * M + m];
      total += part;
    }
    for (size_t i = 0; i < a->rows * k; i++) chose += a->chosen[i] == (int32_t)m;
    a->shares[m] = (float)chose / (float)a->rows;
    a->terms[m] = (float)(M * M) * a->shares[m] * (total / (float)a->rows);
  }
}

// d_logits = p * (d - p . d), d = d_terms * shares * M^2 / L
KERNEL(router_balance_backward) {
  const lmn_router_balance_grad *a = args;
  const size_t M = a->memories;
  const vec rate = vec_set((float)(M * M) / (float)a->rows);
  for (size_t t = begin; t < end; t++) {
    const float *p = a->probabilities + t * M;
    vec sum = vec_set(0);
    for (size_t m = 0; m < M; m += VEC_LANES) {
      const size_t lanes = vec_lanes(M - m);
      const vec d = vec_mul(vec_load(a->d_terms + m, lanes), vec_load(a->shares + m, lanes));
      sum = vec_fma(vec_load(p + m, lanes), d, sum);
    }
    const vec along = vec_set(vec_sum(sum));
    for (size_t m = 0; m < M; m += VEC_LANES) {
      const size_t lanes = vec_lanes(M - m);
      const vec d = vec_mul(vec_load(a->d_terms + m, lanes), vec_load(a->shares + m, lanes));
      const vec change = vec_mul(vec_sub(d, along), rate);
      vec_store(a->d_logits + t * M + m, vec_mul(vec_load(p + m, lanes), change), lanes);
    }
  }
}

#endif
