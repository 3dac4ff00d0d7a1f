#include <math.h>

#include "kernels/units.h"

void cross_entropy_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_cross_entropy *a = args;
  const size_t V = a->vocabulary;
  for (size_t r = begin; r < end; r++) {
    if (a->targets[r] < 0) {
      a->losses[r] = a->log_normalizer[r] = 0;
      continue;
    }
    const float *logits = a->logits + r * V;
    double largest = -INFINITY, sum = 0;
    for (size_t v = 0; v < V; v++) largest = fmax(largest, logits[v]);
    for (size_t v = 0; v < V; v++) sum += exp(logits[v] - largest);
    const double log_normalizer = largest + log(sum);
    a->log_normalizer[r] = (float)log_normalizer;
    a->losses[r] = (float)(log_normalizer - logits[a->targets[r]]);
  }
}

void cross_entropy_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_cross_entropy_grad *a = args;
  const size_t V = a->vocabulary;
  for (size_t r = begin; r < end; r++)
    for (size_t v = 0; v < V; v++) {
      const double weight = exp((double)a->logits[r * V + v] - a->log_normalizer[r]);
      const double d_logit = a->d_losses[r] * (weight - ((size_t)a->targets[r] == v));
      a->d_logits[r * V + v] = a->targets[r] < 0 ? 0 : (float)d_logit;
    }
}
