#ifndef LMN_COMBINE_VEC_H
#define LMN_COMBINE_VEC_H

#include "isa/kernel.h"
#include "kernels/combine.h"

// dispatched[places[t][j]] = weight[t][j] * tokens[t]
KERNEL(dispatch_forward) {
  const lmn_dispatch *a = args;
  const size_t E = a->width;
  for (size_t t = begin; t < end; t++)
    for (size_t j = 0; j < a->choices.choices; j++) {
      float *row = a->dispatched + lmn_place(&a->choices, t, j) * E;
      const vec weight = vec_set(lmn_weight(&a->choices, t, j));
      for (size_t e = 0; e < E; e += VEC_LANES) {
        const size_t lanes = vec_lanes(E - e);
        vec_store(row + e, vec_mul(weight, vec_load(a->tokens + t * E + e, lanes)), lanes);
      }
    }
}

// combined[t] = sum over j of weight[t][j] * dispatched[places[t][j]]
KERNEL(combine_forward) {
  const lmn_combine *a = args;
  const size_t E = a->width;
  for (size_t t = begin; t < end; t++)
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      vec sum = vec_set(0);
      for (size_t j = 0; j < a->choices.choices; j++) {
        const float *row = a->dispatched + lmn_place(&a->choices, t, j) * E;
        sum = vec_fma(vec_set(lmn_weight(&a->choices, t, j)), vec_load(row + e, lanes), sum);
      }
      vec_store(a->combined + t * E + e, sum, lanes);
    }
}

// d_weights[t][j] = d_combined[t] . dispatched[places[t][j]]
KERNEL(combine_backward) {
  const lmn_combine_grad *a = args;
  const size_t E = a->width, k = a->choices.routed;
  for (size_t t = begin; t < end; t++)
    for (size_t j = 0; j < k; j++)
      a->d_weights[t * k + j] =
          vec_dot(a->d_combined + t * E, a->dispatched + lmn_place(&a->choices, t, j) * E, E);
}

#endif
