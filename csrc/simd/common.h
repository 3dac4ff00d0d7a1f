// What every instruction set builds from its own vocabulary.

/// Lanes of a vector that `rest` values fill.
LMN_INLINE size_t vec_lanes(size_t rest) { return rest < VEC_LANES ? rest : VEC_LANES; }

/// exp(a) to about one unit in the last place: 2^n * p(r), a = n ln 2 + r, |r| <= ln 2 / 2. Values
/// outside [-87.3, 88] are moved to the border, so results are normal numbers; not a number stays.
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

/// Folds as many vectors as periods fit into one: place i of the result, `period` lanes wide, has
/// the sums of the lanes of sums[i] that are congruent modulo `period`, a power of two up to
/// VEC_LANES.
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
