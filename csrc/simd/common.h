// The vector vocabulary: the words that every instruction set defines, their contract, and
// functions built from them. Included inside a target region, where LMN_SIMD names the header of
// the set.
//
// A `vec` has VEC_LANES float lanes, counted from 0. `lanes` is from 1 to VEC_LANES, `period` and
// `width` are powers of two, up to and below VEC_LANES. Pointers need the alignment of
// float alone. Arithmetic follows IEEE 754, rounds to nearest, ties to even; NaN is not a number.
// In kernels, subnormal numbers count as 0 (runtime/subnormals.h).
// Tests/PlainC/vocabulary.h holds every instruction set to this list.
//
//   vec_set(x)               x in every lane
//   vec_load(p, lanes)       p[l] in the first `lanes` lanes, 0 in the others; reads no more of p
//   vec_store(p, a, lanes)   p[l] = a[l] for the first `lanes` lanes; writes no more of p
//   vec_first(a, lanes, x)   a[l] in the first `lanes` lanes, x in the others
//   vec_repeat(p, period)    p[l % period]; reads `period` values
//   vec_add(a, b)            a + b; the same for vec_sub, vec_mul, vec_div; vec_sqrt(a)
//   vec_fma(a, b, c)         a * b + c, rounded once
//   vec_max(a, b)            a > b ? a : b, so b if one of them is NaN or both are zeros
//   vec_min(a, b)            a < b ? a : b, so b if one of them is NaN or both are zeros
//   vec_where_positive(a, b) a > 0 ? b : +0, so 0 if a is NaN
//   vec_round(a)             the nearest integer, ties to even; |a| < 2^31, or NaN
//   vec_scale_exponent(a, n) a * 2^n for integers n; a and the result normal, or both operands NaN
//   vec_exponent(a)          floor(log2(a)); a positive and normal
//   vec_sum(a)               the sum of all lanes; the order depends on the instruction set
//   vec_largest(a)           the largest lane; any lane if one of them is NaN
//   vec_fold_two(a, b, width)
//       Each run of 2 * width lanes of the result has, first, the lanes l and l + width of that run
//       of a added up, l < width, then those of b.
//   vec_transpose(rows)
//       Transposes the VEC_LANES x VEC_LANES matrix of VEC_LANES vectors, in place.
//
// TILE_VECTORS is the widest register tile of a product, TILE_HEIGHT(vectors) the rows of a tile of
// `vectors` vectors, at most TILE_MOST_ROWS; tiles of one and two rows have TILE_MOST_VECTORS and
// half as many vectors. TILE_WIDE is 1 where TILE_VECTORS is 4, 0 where it is 2.
#ifndef LMN_SIMD_COMMON_H
#define LMN_SIMD_COMMON_H

#include <stddef.h>

#include "simd/inline.h"

#include LMN_SIMD

/// Lanes that the next of `rest` values fill.
LMN_INLINE size_t vec_lanes(size_t rest) { return rest < VEC_LANES ? rest : VEC_LANES; }

/// -a; free as a factor of vec_fma, since compilers merge the two.
LMN_INLINE vec vec_negative(vec a) { return vec_sub(vec_set(-0.0f), a); }

/// exp(a) to about one unit in the last place: 2^n * p(r), a = n ln 2 + r, |r| <= ln 2 / 2. Values
/// outside [-87.3, 88] count as the nearer end, so results are normal numbers; NaN stays NaN.
LMN_INLINE vec vec_exp(vec a) {
  a = vec_max(vec_set(-87.3f), vec_min(vec_set(88.0f), a));
  const vec n = vec_round(vec_mul(a, vec_set(1.44269504f)));
  // ln 2 in two parts: the first has trailing zeros, so n times it is exact.
  vec r = vec_fma(n, vec_set(-0.693359375f), a);
  r = vec_fma(n, vec_set(2.12194440e-4f), r);
  vec p = vec_set(1.0f / 5040);
  p = vec_fma(p, r, vec_set(1.0f / 720));
  p = vec_fma(p, r, vec_set(1.0f / 120));
  p = vec_fma(p, r, vec_set(1.0f / 24));
  p = vec_fma(p, r, vec_set(1.0f / 6));
  p = vec_fma(p, r, vec_set(0.5f));
  p = vec_fma(p, r, vec_set(1));
  p = vec_fma(p, r, vec_set(1));
  return vec_scale_exponent(p, n);
}

/// 2^a to about one unit in the last place: 2^n * p(r), a = n + r, |r| <= 1/2; 2^0 = 1. Values
/// outside [-126, 127] count as the nearer end, so results are normal numbers; NaN stays NaN. The
/// polynomial is 2^r to 2e-9.
LMN_INLINE vec vec_exp2(vec a) {
  a = vec_max(vec_set(-126), vec_min(vec_set(127), a));
  const vec n = vec_round(a), r = vec_sub(a, n);
  vec p = vec_set(1.5353362e-4f);
  p = vec_fma(p, r, vec_set(1.3398875e-3f));
  p = vec_fma(p, r, vec_set(9.618437e-3f));
  p = vec_fma(p, r, vec_set(5.5503324e-2f));
  p = vec_fma(p, r, vec_set(2.4022648e-1f));
  p = vec_fma(p, r, vec_set(6.931472e-1f));
  p = vec_fma(p, r, vec_set(1));
  return vec_scale_exponent(p, n);
}

/// log(a) of a normal positive number to about one unit in the last place: n ln 2 + log(1 + f),
/// a = 2^n (1 + f), between the roots of 1/2 and 2. The polynomial is Cephes's.
LMN_INLINE vec vec_log(vec a) {
  const vec n = vec_exponent(vec_mul(a, vec_set(1.41421356f)));
  const vec f = vec_sub(vec_scale_exponent(a, vec_sub(vec_set(0), n)), vec_set(1));
  vec p = vec_set(7.0376836292e-2f);
  p = vec_fma(p, f, vec_set(-1.1514610310e-1f));
  p = vec_fma(p, f, vec_set(1.1676998740e-1f));
  p = vec_fma(p, f, vec_set(-1.2420140846e-1f));
  p = vec_fma(p, f, vec_set(1.4249322787e-1f));
  p = vec_fma(p, f, vec_set(-1.6668057665e-1f));
  p = vec_fma(p, f, vec_set(2.0000714765e-1f));
  p = vec_fma(p, f, vec_set(-2.4999993993e-1f));
  p = vec_fma(p, f, vec_set(3.3333331174e-1f));
  const vec square = vec_mul(f, f);
  p = vec_mul(p, vec_mul(f, square));
  p = vec_fma(n, vec_set(-2.12194440e-4f), p);
  p = vec_add(f, vec_fma(square, vec_set(-0.5f), p));
  return vec_fma(n, vec_set(0.693359375f), p);
}

/// 1 / (1 + exp(-a))
LMN_INLINE vec vec_sigmoid(vec a) {
  return vec_div(vec_set(1), vec_add(vec_set(1), vec_exp(vec_sub(vec_set(0), a))));
}

/// Folds VEC_LANES / period vectors into one, and overwrites them: lane i * period + l of the
/// result is the sum of the lanes of sums[i] that are congruent to l modulo `period`.
LMN_INLINE vec vec_fold_all(vec *sums, size_t period) {
  size_t count = VEC_LANES / period;
#pragma clang loop unroll(full)
  for (size_t width = VEC_LANES / 2; width >= period; width /= 2) {
    count /= 2;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < count; i++) sums[i] = vec_fold_two(sums[i], sums[i + count], width);
  }
  return sums[0];
}

/// Sum of a[i] * b[i]
LMN_INLINE float vec_dot(const float *a, const float *b, size_t count) {
  vec sum = vec_set(0);
  for (size_t i = 0; i < count; i += VEC_LANES) {
    const size_t lanes = vec_lanes(count - i);
    sum = vec_fma(vec_load(a + i, lanes), vec_load(b + i, lanes), sum);
  }
  return vec_sum(sum);
}

/// y[i] = y[i] + a * x[i]
LMN_INLINE void vec_accumulate(float *y, float a, const float *x, size_t count) {
  for (size_t i = 0; i < count; i += VEC_LANES) {
    const size_t lanes = vec_lanes(count - i);
    vec_store(y + i, vec_fma(vec_set(a), vec_load(x + i, lanes), vec_load(y + i, lanes)), lanes);
  }
}

#endif
