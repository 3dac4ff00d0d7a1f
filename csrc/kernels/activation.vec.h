#ifndef LMN_ACTIVATION_VEC_H
#define LMN_ACTIVATION_VEC_H

#include "isa/kernel.h"

// activated = x * sigmoid(x)
KERNEL(silu_forward) {
  const lmn_activation *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes);
    vec_store(a->activated + i, vec_mul(x, vec_sigmoid(x)), lanes);
  }
}

/// Slope of SiLU: s * (1 + x * (1 - s)), s = sigmoid(x)
LMN_INLINE vec silu_slope(vec x, vec s) {
  return vec_mul(s, vec_fma(x, vec_sub(vec_set(1), s), vec_set(1)));
}

// d_x = dy * slope
KERNEL(silu_backward) {
  const lmn_activation_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes), s = vec_sigmoid(x);
    const vec dy = vec_load(a->d_activated + i, lanes);
    vec_store(a->d_x + i, vec_mul(dy, silu_slope(x, s)), lanes);
  }
}

/// Upper tail of the normal distribution at |x|.
typedef struct {
  vec size;              // |x|
  vec share;             // q, probability of values above |x|
  vec weighted_density;  // |x| times the density
} normal_tail;

/// q = exp(-x^2 / 2) * t * p(t), t = 1 / (1 + 0.35 |x|): the polynomial, fitted to the smallest
/// relative error on [0, 14], is exact to 6e-8, rounded coefficients included. The rounding error
/// of the square is corrected after the exponential. |x| is at most 12.9, where q is 2e-38, so that
/// all results are normal numbers.
LMN_INLINE normal_tail normal_tail_beyond(vec x) {
  const vec size = vec_min(vec_set(12.9f), vec_max(x, vec_sub(vec_set(0), x)));
  const vec square = vec_mul(size, size);
  const vec lost = vec_fma(size, size, vec_sub(vec_set(0), square));
  const vec rounded = vec_exp(vec_mul(square, vec_set(-0.5f)));
  const vec exponential = vec_fma(rounded, vec_mul(lost, vec_set(-0.5f)), rounded);
  const vec t = vec_div(vec_set(1), vec_fma(size, vec_set(0.35f), vec_set(1)));
  vec p = vec_set(-2.91459393e-2f);
  p = vec_fma(p, t, vec_set(1.43971741e-1f));
  p = vec_fma(p, t, vec_set(-2.55714357e-1f));
  p = vec_fma(p, t, vec_set(1.59174293e-1f));
  p = vec_fma(p, t, vec_set(-2.31099203e-2f));
  p = vec_fma(p, t, vec_set(1.05508037e-1f));
  p = vec_fma(p, t, vec_set(1.19832858e-1f));
  p = vec_fma(p, t, vec_set(1.39861867e-1f));
  p = vec_fma(p, t, vec_set(1.39621407e-1f));
  return (normal_tail){
      .size = size,
      .share = vec_mul(exponential, vec_mul(p, t)),
      .weighted_density = vec_mul(vec_mul(size, vec_set(0.398942280f)), exponential),
  };
}

// activated = x * (probability of values below x) = max(x, 0) - |x| * q
KERNEL(gelu_forward) {
  const lmn_activation *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes);
    const normal_tail tail = normal_tail_beyond(x);
    const vec y = vec_fma(vec_sub(vec_set(0), tail.size), tail.share, vec_max(vec_set(0), x));
    vec_store(a->activated + i, y, lanes);
  }
}

// d_x = dy * (s below 0, 1 - s above), s = q - |x| * density
KERNEL(gelu_backward) {
  const lmn_activation_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes);
    const normal_tail tail = normal_tail_beyond(x);
    const vec s = vec_sub(tail.share, tail.weighted_density);
    const vec slope = vec_add(s, vec_where_positive(x, vec_fma(s, vec_set(-2), vec_set(1))));
    vec_store(a->d_x + i, vec_mul(vec_load(a->d_activated + i, lanes), slope), lanes);
  }
}

// activated = max(x, 0)
KERNEL(relu_forward) {
  const lmn_activation *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    vec_store(a->activated + i, vec_max(vec_set(0), vec_load(a->x + i, lanes)), lanes);
  }
}

// d_x = dy where x > 0, otherwise 0
KERNEL(relu_backward) {
  const lmn_activation_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes), dy = vec_load(a->d_activated + i, lanes);
    vec_store(a->d_x + i, vec_where_positive(x, dy), lanes);
  }
}

// activated = sigmoid(x)
KERNEL(sigmoid_forward) {
  const lmn_activation *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    vec_store(a->activated + i, vec_sigmoid(vec_load(a->x + i, lanes)), lanes);
  }
}

// d_x = dy * sigmoid(x) * sigmoid(-x)
KERNEL(sigmoid_backward) {
  const lmn_activation_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes);
    const vec slope = vec_mul(vec_sigmoid(x), vec_sigmoid(vec_sub(vec_set(0), x)));
    vec_store(a->d_x + i, vec_mul(vec_load(a->d_activated + i, lanes), slope), lanes);
  }
}

// activated = log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|))
KERNEL(log_sigmoid_forward) {
  const lmn_activation *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes), zero = vec_set(0);
    const vec below = vec_min(zero, x), above = vec_max(zero, x);
    const vec rest = vec_log(vec_add(vec_set(1), vec_exp(vec_sub(below, above))));
    vec_store(a->activated + i, vec_sub(below, rest), lanes);
  }
}

// d_x = dy * sigmoid(-x)
KERNEL(log_sigmoid_backward) {
  const lmn_activation_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec share = vec_sigmoid(vec_sub(vec_set(0), vec_load(a->x + i, lanes)));
    vec_store(a->d_x + i, vec_mul(vec_load(a->d_activated + i, lanes), share), lanes);
  }
}

#endif
