// A vector holds states of one channel, as the parameters have them; coefficients, which have the
// channels side by side, are read and written one by one.
#ifndef LMN_DISCRETIZATION_VEC_H
#define LMN_DISCRETIZATION_VEC_H

#include "isa/kernel.h"
#include "kernels/sinusoid.vec.h"

typedef struct {
  vec re, im;
} vec_complex;

/// a * b + c
LMN_INLINE vec_complex vec_complex_fma(vec_complex a, vec_complex b, vec_complex c) {
  return (vec_complex){
      vec_fma(a.re, b.re, vec_fma(vec_negative(a.im), b.im, c.re)),
      vec_fma(a.re, b.im, vec_fma(a.im, b.re, c.im)),
  };
}

LMN_INLINE vec_complex vec_complex_mul(vec_complex a, vec_complex b) {
  return vec_complex_fma(a, b, (vec_complex){vec_set(0), vec_set(0)});
}

LMN_INLINE vec_complex vec_complex_scale(vec factor, vec_complex a) {
  return (vec_complex){vec_mul(factor, a.re), vec_mul(factor, a.im)};
}

LMN_INLINE vec_complex vec_complex_conjugate(vec_complex a) {
  return (vec_complex){a.re, vec_negative(a.im)};
}

/// a where `choice` is 1, b where it is 0
LMN_INLINE vec_complex vec_complex_choose(vec choice, vec_complex a, vec_complex b) {
  const vec other = vec_sub(vec_set(1), choice);
  return (vec_complex){
      vec_add(vec_where_positive(choice, a.re), vec_where_positive(other, b.re)),
      vec_add(vec_where_positive(choice, a.im), vec_where_positive(other, b.im)),
  };
}

enum { DISCRETIZATION_TERMS = 12 };

/// sum over k of coefficients[k] * z^k
LMN_INLINE vec_complex discretization_series(const float *coefficients, vec_complex z) {
  vec_complex sum = {vec_set(coefficients[DISCRETIZATION_TERMS - 1]), vec_set(0)};
#pragma clang loop unroll(full)
  for (size_t k = DISCRETIZATION_TERMS - 1; k-- > 0;)
    sum = vec_complex_fma(sum, z, (vec_complex){vec_set(coefficients[k]), vec_set(0)});
  return sum;
}

/// Transition, output and step of some states of a channel, and functions of z = dt * A.
typedef struct {
  vec dt;
  vec_complex A, c, z;
  vec_complex exponential;
  vec_complex mean;   // (exp(z) - 1) / z
  vec_complex slope;  // (exp(z) - mean) / z
} discretization_states;

/// The states from the `index`-th one of all channels on. Means and slopes are series for
/// |z| < 1, where their quotients cancel; the first term left out is below 1e-9.
LMN_INLINE discretization_states discretization_at(const float *log_dt, const float *log_a_real,
                                                   const float *a_imag, const float *c,
                                                   size_t index, size_t lanes) {
  static const float means[DISCRETIZATION_TERMS] = {
      1,          1.f / 2,     1.f / 6,      1.f / 24,      1.f / 120,      1.f / 720,
      1.f / 5040, 1.f / 40320, 1.f / 362880, 1.f / 3628800, 1.f / 39916800, 1.f / 479001600,
  };
  static const float slopes[DISCRETIZATION_TERMS] = {
      1.f / 2,    1.f / 3,     1.f / 8,      1.f / 30,      1.f / 144,      1.f / 840,
      1.f / 5760, 1.f / 45360, 1.f / 403200, 1.f / 3991680, 1.f / 43545600, 1.f / 518918400,
  };
  float c_re[VEC_LANES] = {0}, c_im[VEC_LANES] = {0};
  for (size_t l = 0; l < lanes; l++) {
    c_re[l] = c[2 * (index + l)];
    c_im[l] = c[2 * (index + l) + 1];
  }
  discretization_states s = {.dt = vec_exp(vec_set(*log_dt))};
  s.A.re = vec_negative(vec_exp(vec_load(log_a_real + index, lanes)));
  s.A.im = vec_load(a_imag + index, lanes);
  s.c = (vec_complex){vec_load(c_re, VEC_LANES), vec_load(c_im, VEC_LANES)};
  s.z = vec_complex_scale(s.dt, s.A);

  // With s and c of half the angle, cos = 1 - 2 s^2 and sin = 2 s c.
  const vec turns = vec_mul(s.z.im, vec_set(0.159154943f));
  const vec half = vec_mul(vec_set(0.5f), vec_sub(turns, vec_round(turns)));
  const vec size = vec_max(half, vec_negative(half));
  const vec sine = sinusoid_at(half), cosine = sinusoid_at(vec_sub(vec_set(0.25f), size));
  const vec twice = vec_add(sine, sine);
  const vec_complex direction = {vec_fma(vec_negative(twice), sine, vec_set(1)),
                                 vec_mul(twice, cosine)};
  s.exponential = vec_complex_scale(vec_exp(s.z.re), direction);

  const vec square = vec_fma(s.z.re, s.z.re, vec_mul(s.z.im, s.z.im));
  const vec is_small = vec_where_positive(vec_sub(vec_set(1), square), vec_set(1));
  const vec_complex inverse = vec_complex_scale(vec_div(vec_set(1), vec_max(square, vec_set(1))),
                                                vec_complex_conjugate(s.z));
  const vec_complex less_one = {vec_sub(s.exponential.re, vec_set(1)), s.exponential.im};
  s.mean = vec_complex_choose(is_small, discretization_series(means, s.z),
                              vec_complex_mul(less_one, inverse));
  const vec_complex rest = {vec_sub(s.exponential.re, s.mean.re),
                            vec_sub(s.exponential.im, s.mean.im)};
  s.slope = vec_complex_choose(is_small, discretization_series(slopes, s.z),
                               vec_complex_mul(rest, inverse));
  return s;
}

// a = exp(z);  w = 2 C dt mean
KERNEL(discretization_forward) {
  const lmn_discretization *a = args;
  const size_t E = a->width, P = a->states;
  for (size_t e = begin; e < end; e++)
    for (size_t n = 0; n < P; n += VEC_LANES) {
      const size_t lanes = vec_lanes(P - n);
      const discretization_states s =
          discretization_at(a->log_dt + e, a->log_a_real, a->a_imag, a->c, e * P + n, lanes);
      const vec_complex w = vec_complex_mul(vec_complex_scale(vec_add(s.dt, s.dt), s.c), s.mean);
      const vec parts[4] = {s.exponential.re, s.exponential.im, w.re, w.im};
      for (size_t i = 0; i < 4; i++) {
        float part[VEC_LANES];
        vec_store(part, parts[i], VEC_LANES);
        for (size_t l = 0; l < lanes; l++) a->coefficients[(4 * (n + l) + i) * E + e] = part[l];
      }
    }
}

/// conj(slope) * d
LMN_INLINE vec_complex discretization_pulled(vec_complex slope, vec_complex d) {
  return vec_complex_mul(vec_complex_conjugate(slope), d);
}

// With z = dt A, b = dt mean and w = 2 C b: d_C = conj(2 b) d_w; d_A = conj(dt a) d_a +
// conj(2 C dt^2 slope) d_w; d_log_dt = sum over the states of Re(conj(a z) d_a + conj(2 C dt a)
// d_w)
KERNEL(discretization_backward) {
  const lmn_discretization_grad *a = args;
  const size_t E = a->width, P = a->states;
  for (size_t e = begin; e < end; e++) {
    vec d_log_dt = vec_set(0);
    for (size_t n = 0; n < P; n += VEC_LANES) {
      const size_t lanes = vec_lanes(P - n), index = e * P + n;
      const discretization_states s =
          discretization_at(a->log_dt + e, a->log_a_real, a->a_imag, a->c, index, lanes);
      float parts[4][VEC_LANES] = {{0}};
      for (size_t i = 0; i < 4; i++)
        for (size_t l = 0; l < lanes; l++)
          parts[i][l] = a->d_coefficients[(4 * (n + l) + i) * E + e];
      const vec_complex d_a = {vec_load(parts[0], VEC_LANES), vec_load(parts[1], VEC_LANES)};
      const vec_complex d_w = {vec_load(parts[2], VEC_LANES), vec_load(parts[3], VEC_LANES)};

      const vec twice_dt = vec_add(s.dt, s.dt);
      const vec_complex d_c = discretization_pulled(vec_complex_scale(twice_dt, s.mean), d_w);
      vec_store(parts[0], d_c.re, VEC_LANES);
      vec_store(parts[1], d_c.im, VEC_LANES);
      for (size_t l = 0; l < lanes; l++) {
        a->d_c[2 * (index + l)] = parts[0][l];
        a->d_c[2 * (index + l) + 1] = parts[1][l];
      }
      const vec_complex twice_c = vec_complex_scale(twice_dt, s.c);
      const vec_complex of_a = discretization_pulled(vec_complex_scale(s.dt, s.exponential), d_a);
      const vec_complex of_w =
          discretization_pulled(vec_complex_scale(s.dt, vec_complex_mul(twice_c, s.slope)), d_w);
      vec_store(a->d_log_a_real + index, vec_mul(s.A.re, vec_add(of_a.re, of_w.re)), lanes);
      vec_store(a->d_a_imag + index, vec_add(of_a.im, of_w.im), lanes);
      const vec_complex along_a = discretization_pulled(vec_complex_mul(s.exponential, s.z), d_a);
      const vec_complex along_w =
          discretization_pulled(vec_complex_mul(twice_c, s.exponential), d_w);
      d_log_dt = vec_add(d_log_dt, vec_first(vec_add(along_a.re, along_w.re), lanes, 0));
    }
    a->d_log_dt[e] = vec_sum(d_log_dt);
  }
}

#endif
