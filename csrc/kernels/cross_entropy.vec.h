#ifndef LMN_CROSS_ENTROPY_VEC_H
#define LMN_CROSS_ENTROPY_VEC_H

#include <math.h>
#include <string.h>

#include "isa/kernel.h"

// loss = log_normalizer - logits[target], log_normalizer = log of the sum of exp(logits)
KERNEL(cross_entropy_forward) {
  const lmn_cross_entropy *a = args;
  const size_t V = a->vocabulary;
  for (size_t r = begin; r < end; r++) {
    if (a->targets[r] < 0) {
      a->losses[r] = a->log_normalizer[r] = 0;
      continue;
    }
    const float *logits = a->logits + r * V;
    vec largest = vec_set(-INFINITY), sum = vec_set(0);
    for (size_t v = 0; v < V; v += VEC_LANES) {
      const size_t lanes = vec_lanes(V - v);
      largest = vec_max(largest, vec_first(vec_load(logits + v, lanes), lanes, -INFINITY));
    }
    const float top = vec_largest(largest);
    for (size_t v = 0; v < V; v += VEC_LANES) {
      const size_t lanes = vec_lanes(V - v);
      const vec weight = vec_exp(vec_sub(vec_load(logits + v, lanes), vec_set(top)));
      sum = vec_add(sum, vec_first(weight, lanes, 0));
    }
    a->log_normalizer[r] = top + logf(vec_sum(sum));
    a->losses[r] = a->log_normalizer[r] - logits[a->targets[r]];
  }
}

// d_logits = d_loss * (softmax(logits) - one at the target)
KERNEL(cross_entropy_backward) {
  const lmn_cross_entropy_grad *a = args;
  const size_t V = a->vocabulary;
  for (size_t r = begin; r < end; r++) {
    const float *logits = a->logits + r * V;
    float *d_logits = a->d_logits + r * V;
    if (a->targets[r] < 0) {
      memset(d_logits, 0, V * sizeof *d_logits);
      continue;
    }
    const vec d_loss = vec_set(a->d_losses[r]), log_normalizer = vec_set(a->log_normalizer[r]);
    for (size_t v = 0; v < V; v += VEC_LANES) {
      const size_t lanes = vec_lanes(V - v);
      const vec weight = vec_exp(vec_sub(vec_load(logits + v, lanes), log_normalizer));
      vec_store(d_logits + v, vec_mul(d_loss, weight), lanes);
    }
    d_logits[a->targets[r]] -= a->d_losses[r];
  }
}

#endif
