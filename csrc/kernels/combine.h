// Rows and weights of the choices of tokens.
#ifndef LMN_COMBINE_H
#define LMN_COMBINE_H

#include "kernels/units.h"

static inline size_t lmn_place(const lmn_choices *c, size_t token, size_t j) {
  return (size_t)c->places[token * c->choices + j];
}

static inline float lmn_weight(const lmn_choices *c, size_t token, size_t j) {
  return j < c->routed ? c->weights[token * c->routed + j] : 1;
}

#endif
