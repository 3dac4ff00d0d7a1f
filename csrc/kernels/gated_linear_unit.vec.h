#ifndef LMN_GATED_LINEAR_UNIT_VEC_H
#define LMN_GATED_LINEAR_UNIT_VEC_H

#include "isa/kernel.h"

// gated = x * sigmoid(b)
KERNEL(gated_linear_unit_forward) {
  const lmn_gated_linear_unit *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * 2 * E;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec gate = vec_sigmoid(vec_load(x + E + e, lanes));
      vec_store(a->gated + m * E + e, vec_mul(vec_load(x + e, lanes), gate), lanes);
    }
  }
}

// d_x = dy * sigmoid(b);  d_b = dy * x * sigmoid(b) * sigmoid(-b)
KERNEL(gated_linear_unit_backward) {
  const lmn_gated_linear_unit_grad *a = args;
  const size_t E = a->width;
  for (size_t m = begin; m < end; m++) {
    const float *x = a->x + m * 2 * E;
    float *d_x = a->d_x + m * 2 * E;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec b = vec_load(x + E + e, lanes), gate = vec_sigmoid(b);
      const vec d = vec_mul(vec_load(a->d_gated + m * E + e, lanes), gate);
      const vec slope = vec_mul(vec_load(x + e, lanes), vec_sigmoid(vec_negative(b)));
      vec_store(d_x + e, d, lanes);
      vec_store(d_x + E + e, vec_mul(d, slope), lanes);
    }
  }
}

#endif
