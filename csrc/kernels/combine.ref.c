#include "kernels/combine.h"

void dispatch_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_dispatch *a = args;
  const size_t E = a->width;
  for (size_t t = begin; t < end; t++)
    for (size_t j = 0; j < a->choices.choices; j++)
      for (size_t e = 0; e < E; e++)
        a->dispatched[lmn_place(&a->choices, t, j) * E + e] =
            lmn_weight(&a->choices, t, j) * a->tokens[t * E + e];
}

void combine_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_combine *a = args;
  const size_t E = a->width;
  for (size_t t = begin; t < end; t++)
    for (size_t e = 0; e < E; e++) {
      double sum = 0;
      for (size_t j = 0; j < a->choices.choices; j++)
        sum += (double)lmn_weight(&a->choices, t, j) *
               a->dispatched[lmn_place(&a->choices, t, j) * E + e];
      a->combined[t * E + e] = (float)sum;
    }
}

void combine_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_combine_grad *a = args;
  const size_t E = a->width;
  for (size_t t = begin; t < end; t++)
    for (size_t j = 0; j < a->choices.routed; j++) {
      double sum = 0;
      for (size_t e = 0; e < E; e++)
        sum +=
            (double)a->d_combined[t * E + e] * a->dispatched[lmn_place(&a->choices, t, j) * E + e];
      a->d_weights[t * a->choices.routed + j] = (float)sum;
    }
}
