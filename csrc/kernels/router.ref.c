#include <math.h>

#include "kernels/units.h"

void router_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_router *a = args;
  const size_t M = a->memories, k = a->routed;
  for (size_t t = begin; t < end; t++) {
    const float *logits = a->logits + t * M;
    float *probabilities = a->probabilities + t * M;
    double largest = logits[0], sum = 0, chosen_sum = 0;
    for (size_t m = 1; m < M; m++) largest = fmax(largest, logits[m]);
    for (size_t m = 0; m < M; m++) sum += exp(logits[m] - largest);
    for (size_t m = 0; m < M; m++) probabilities[m] = (float)(exp(logits[m] - largest) / sum);
    for (size_t j = 0; j < k; j++) {
      int32_t best = -1;
      for (size_t m = 0; m < M; m++) {
        bool taken = false;
        for (size_t i = 0; i < j; i++) taken |= a->chosen[t * k + i] == (int32_t)m;
        if (!taken && (best < 0 || logits[m] > logits[best])) best = (int32_t)m;
      }
      a->chosen[t * k + j] = best;
      chosen_sum += exp(logits[best] - largest);
    }
    for (size_t j = 0; j < k; j++)
      a->weights[t * k + j] = (float)(exp(logits[a->chosen[t * k + j]] - largest) / chosen_sum);
  }
}

void router_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_router_grad *a = args;
  const size_t M = a->memories, k = a->routed;
  for (size_t t = begin; t < end; t++) {
    const float *weights = a->weights + t * k, *d_weights = a->d_weights + t * k;
    double along = 0;
    for (size_t j = 0; j < k; j++) along += (double)weights[j] * d_weights[j];
    for (size_t m = 0; m < M; m++) a->d_logits[t * M + m] = 0;
    for (size_t j = 0; j < k; j++)
      a->d_logits[t * M + (size_t)a->chosen[t * k + j]] =
          (float)(weights[j] * (d_weights[j] - along));
  }
}

void router_balance_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_router_balance *a = args;
  const size_t M = a->memories, k = a->routed;
  for (size_t m = begin; m < end; m++) {
    double sum = 0;
    size_t chose = 0;
    for (size_t t = 0; t < a->rows; t++) sum += a->probabilities[t * M + m];
    for (size_t i = 0; i < a->rows * k; i++) chose += a->chosen[i] == (int32_t)m;
    const double share = (double)chose / (double)a->rows;
    a->shares[m] = (float)share;
    a->terms[m] = (float)((double)(M * M) * share * sum / (double)a->rows);
  }
}

void router_balance_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_router_balance_grad *a = args;
  const size_t M = a->memories;
  for (size_t t = begin; t < end; t++) {
    const float *p = a->probabilities + t * M;
    double along = 0;
    for (size_t m = 0; m < M; m++) along += (double)p[m] * a->d_terms[m] * a->shares[m];
    for (size_t m = 0; m < M; m++)
      a->d_logits[t * M + m] = (float)(p[m] * ((double)a->d_terms[m] * a->shares[m] - along) *
                                       (double)(M * M) / (double)a->rows);
  }
}
