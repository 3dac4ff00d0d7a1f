#ifndef LMN_SILU_GATE_VEC_H
#define LMN_SILU_GATE_VEC_H

#include "isa/kernel.h"
#include "kernels/activation.vec.h"

// gated = x * gate * sigmoid(gate)
KERNEL(silu_gate_forward) {
  const lmn_silu_gate *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec gate = vec_load(a->gate + i, lanes), silu = vec_mul(gate, vec_sigmoid(gate));
    vec_store(a->gated + i, vec_mul(vec_load(a->x + i, lanes), silu), lanes);
  }
}

// d_x = dy * gate * s, d_gate = dy * x * s * (1 + gate * (1 - s)), s = sigmoid(gate)
KERNEL(silu_gate_backward) {
  const lmn_silu_gate_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec gate = vec_load(a->gate + i, lanes), s = vec_sigmoid(gate);
    const vec dy = vec_load(a->d_gated + i, lanes);
    vec_store(a->d_x + i, vec_mul(dy, vec_mul(gate, s)), lanes);
    vec_store(a->d_gate + i, vec_mul(vec_mul(dy, vec_load(a->x + i, lanes)), silu_slope(gate, s)),
              lanes);
  }
}

#endif
