// Tests every word of the vector vocabulary (csrc/simd/common.h) on one instruction set. The file
// that includes this has included the header of the set.
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "vocabulary_tests.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define QUOTE_(a) #a
#define QUOTE(a) QUOTE_(a)

#pragma clang attribute push(__attribute__((target(LMN_TARGET))), apply_to = function)
#include "simd/common.h"

enum { MARGIN = 64 };
static const float poison = -12345;
static int failures;

static void expect(bool holds, const char *word, size_t lane, double found, double wanted) {
  if (holds) return;
  printf("%-10s %-20s lane %zu is %.9g, not %.9g  DIFFERS\n", QUOTE(LMN_ISA), word, lane, found,
         wanted);
  failures++;
}

/// Equal bits, or both NaN.
static void expect_lane(const char *word, size_t lane, float found, float wanted) {
  const bool same = memcmp(&found, &wanted, sizeof found) == 0 || (isnan(found) && isnan(wanted));
  expect(same, word, lane, found, wanted);
}

static void expect_near(const char *word, size_t lane, double found, double wanted, double bound) {
  expect(fabs(found - wanted) <= bound || (isnan(found) && isnan(wanted)), word, lane, found,
         wanted);
}

static vec load(const float *p) { return vec_load(p, VEC_LANES); }

/// Lane by lane, `found` is wanted(a, b, c).
static void expect_lanes(const char *word, vec found, float (*wanted)(float, float, float),
                         const float *a, const float *b, const float *c) {
  float lanes[VEC_LANES];
  vec_store(lanes, found, VEC_LANES);
  for (size_t l = 0; l < VEC_LANES; l++) expect_lane(word, l, lanes[l], wanted(a[l], b[l], c[l]));
}

static float sum_of(float a, float b, float c) { return (void)c, a + b; }
static float difference_of(float a, float b, float c) { return (void)c, a - b; }
static float product_of(float a, float b, float c) { return (void)c, a * b; }
static float quotient_of(float a, float b, float c) { return (void)c, a / b; }
static float fused(float a, float b, float c) { return fmaf(a, b, c); }
static float root_of(float a, float b, float c) { return (void)b, (void)c, sqrtf(a); }
static float max_of(float a, float b, float c) { return (void)c, a > b ? a : b; }
static float min_of(float a, float b, float c) { return (void)c, a < b ? a : b; }
static float where_positive(float a, float b, float c) { return (void)c, a > 0 ? b : 0; }
static float rounded(float a, float b, float c) { return (void)b, (void)c, nearbyintf(a); }

/// Words that work lane by lane, for every pair of these values; the third operand follows.
static void test_lanes(void) {
  static const float values[] = {0.0f,  -0.0f,  1.0f,      -1.0f,    0.5f,      1.5f,        2.5f,
                                 -2.5f, 1e-30f, -3.25e20f, INFINITY, -INFINITY, 16777215.0f, NAN};
  enum { COUNT = sizeof values / sizeof *values };
  float a[VEC_LANES], b[VEC_LANES], c[VEC_LANES], small[VEC_LANES];
  for (size_t first = 0; first < COUNT * COUNT; first += VEC_LANES) {
    for (size_t l = 0; l < VEC_LANES; l++) {
      const size_t i = (first + l) % (COUNT * COUNT);
      a[l] = values[i / COUNT], b[l] = values[i % COUNT], c[l] = values[(i + i / COUNT) % COUNT];
      small[l] = fabsf(a[l]) < 0x1p31f || isnan(a[l]) ? a[l] : 0x1p30f;
    }
    const vec x = load(a), y = load(b), z = load(c);
    expect_lanes("vec_add", vec_add(x, y), sum_of, a, b, c);
    expect_lanes("vec_sub", vec_sub(x, y), difference_of, a, b, c);
    expect_lanes("vec_mul", vec_mul(x, y), product_of, a, b, c);
    expect_lanes("vec_div", vec_div(x, y), quotient_of, a, b, c);
    expect_lanes("vec_fma", vec_fma(x, y, z), fused, a, b, c);
    expect_lanes("vec_sqrt", vec_sqrt(x), root_of, a, b, c);
    expect_lanes("vec_max", vec_max(x, y), max_of, a, b, c);
    expect_lanes("vec_min", vec_min(x, y), min_of, a, b, c);
    expect_lanes("vec_where_positive", vec_where_positive(x, y), where_positive, a, b, c);
    expect_lanes("vec_round", vec_round(load(small)), rounded, small, b, c);
  }
}

/// Words that take a number of lanes write and read no others.
static void test_partial(void) {
  float values[VEC_LANES], out[MARGIN + VEC_LANES + MARGIN], full[VEC_LANES];
  for (size_t l = 0; l < VEC_LANES; l++) values[l] = 1.25f + (float)l;
  for (size_t lanes = 1; lanes <= VEC_LANES; lanes++) {
    // At the end of an array, so that the address sanitizer detects a read beyond it.
    float exact[VEC_LANES];
    float *p = exact + VEC_LANES - lanes;
    memcpy(p, values, lanes * sizeof *p);
    vec_store(full, vec_load(p, lanes), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++)
      expect_lane("vec_load", l, full[l], l < lanes ? values[l] : 0);
    for (size_t i = 0; i < MARGIN + VEC_LANES + MARGIN; i++) out[i] = poison;
    vec_store(out + MARGIN, load(values), lanes);
    for (size_t i = 0; i < MARGIN + VEC_LANES + MARGIN; i++)
      expect_lane("vec_store", i, out[i],
                  i >= MARGIN && i < MARGIN + lanes ? values[i - MARGIN] : poison);
    static const float rests[] = {0, -INFINITY, 7};
    for (size_t r = 0; r < 3; r++) {
      vec_store(full, vec_first(load(values), lanes, rests[r]), VEC_LANES);
      for (size_t l = 0; l < VEC_LANES; l++)
        expect_lane("vec_first", l, full[l], l < lanes ? values[l] : rests[r]);
    }
    expect_lane("vec_lanes", lanes, (float)vec_lanes(lanes), (float)lanes);
  }
  expect_lane("vec_lanes", 0, (float)vec_lanes(1000), VEC_LANES);
  vec_store(full, vec_set(-3.5f), VEC_LANES);
  for (size_t l = 0; l < VEC_LANES; l++) expect_lane("vec_set", l, full[l], -3.5f);
}

static void repeat(size_t period, vec repeated, const float *values) {
  float lanes[VEC_LANES];
  vec_store(lanes, repeated, VEC_LANES);
  for (size_t l = 0; l < VEC_LANES; l++) expect_lane("vec_repeat", l, lanes[l], values[l % period]);
}

static void fold(size_t width, vec folded, const float *a, const float *b) {
  float lanes[VEC_LANES];
  vec_store(lanes, folded, VEC_LANES);
  for (size_t l = 0; l < VEC_LANES; l++) {
    const size_t run = l / (2 * width) * 2 * width, i = run + l % width;
    const float *from = l % (2 * width) < width ? a : b;
    expect_lane("vec_fold_two", l, lanes[l], from[i] + from[i + width]);
  }
}

static void fold_all(size_t period, vec folded, float (*values)[VEC_LANES]) {
  float lanes[VEC_LANES];
  vec_store(lanes, folded, VEC_LANES);
  for (size_t l = 0; l < VEC_LANES; l++) {
    float sum = 0;
    for (size_t i = l % period; i < VEC_LANES; i += period) sum += values[l / period][i];
    expect_lane("vec_fold_all", l, lanes[l], sum);
  }
}

/// Words that move or add lanes, on integers, whose sums are exact.
static void test_across(void) {
  float values[VEC_LANES][VEC_LANES];
  for (size_t i = 0; i < VEC_LANES; i++)
    for (size_t l = 0; l < VEC_LANES; l++) values[i][l] = (float)((i * 37 + l * l * 11) % 101) - 50;
  const float *a = values[0], *b = values[1];
  // Periods are constants wherever kernels use them.
#define PERIOD(period)                                                \
  if (period <= VEC_LANES) {                                          \
    float few[VEC_LANES];                                             \
    memcpy(few + VEC_LANES - period, b, period * sizeof *b);          \
    repeat(period, vec_repeat(few + VEC_LANES - period, period), b);  \
    vec sums[VEC_LANES];                                              \
    for (size_t i = 0; i < VEC_LANES; i++) sums[i] = load(values[i]); \
    fold_all(period, vec_fold_all(sums, period), values);             \
  }                                                                   \
  if (period < VEC_LANES) fold(period, vec_fold_two(load(a), load(b), period), a, b);
  PERIOD(1)
  PERIOD(2)
  PERIOD(4)
  PERIOD(8)
  PERIOD(16)
#undef PERIOD
  vec rows[VEC_LANES];
  for (size_t i = 0; i < VEC_LANES; i++) rows[i] = load(values[i]);
  vec_transpose(rows);
  for (size_t i = 0; i < VEC_LANES; i++) {
    float lanes[VEC_LANES];
    vec_store(lanes, rows[i], VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) expect_lane("vec_transpose", l, lanes[l], values[l][i]);
  }
  for (size_t i = 0; i < VEC_LANES; i++) {
    float sum = 0, largest = -INFINITY;
    for (size_t l = 0; l < VEC_LANES; l++) {
      sum += values[i][l];
      largest = values[i][l] > largest ? values[i][l] : largest;
    }
    expect_lane("vec_sum", i, vec_sum(load(values[i])), sum);
    expect_lane("vec_largest", i, vec_largest(load(values[i])), largest);
    // The largest in every lane.
    float one[VEC_LANES];
    for (size_t l = 0; l < VEC_LANES; l++) one[l] = l == i ? 2 : -INFINITY;
    expect_lane("vec_largest", i, vec_largest(load(one)), 2);
  }
}

static void test_exponents(void) {
  float x[VEC_LANES], n[VEC_LANES], lanes[VEC_LANES];
  for (int e = -126; e <= 127; e++) {
    const float fractions[] = {1, 1.0000001f, 1.5f, 1.9999999f};
    for (size_t l = 0; l < VEC_LANES; l++) x[l] = ldexpf(fractions[l % 4], e);
    vec_store(lanes, vec_exponent(load(x)), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) expect_lane("vec_exponent", l, lanes[l], (float)e);
    for (size_t l = 0; l < VEC_LANES; l++) {
      x[l] = (l % 2 ? -1 : 1) * fractions[l % 4];
      n[l] = (float)e;
    }
    vec_store(lanes, vec_scale_exponent(load(x), load(n)), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++)
      expect_lane("vec_scale_exponent", l, lanes[l], ldexpf(x[l], e));
  }
}

/// Functions, to the accuracy that their comments promise: an ulp is at most 2^-23 of a value.
static void test_functions(void) {
  const double ulp = 0x1p-23;
  float x[VEC_LANES], lanes[VEC_LANES];
  for (int i = -900; i <= 900; i++) {
    for (size_t l = 0; l < VEC_LANES; l++) x[l] = (float)i * 0.1f + (float)l * 0.003f;
    vec_store(lanes, vec_exp(load(x)), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) {
      const float inside = x[l] < -87.3f ? -87.3f : x[l] > 88.0f ? 88.0f : x[l];
      expect_near("vec_exp", l, lanes[l], exp(inside), 2 * ulp * exp(inside));
    }
    vec_store(lanes, vec_exp2(load(x)), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) {
      const float inside = x[l] < -126 ? -126 : x[l] > 127 ? 127 : x[l];
      expect_near("vec_exp2", l, lanes[l], exp2(inside), 2 * ulp * exp2(inside));
    }
    vec_store(lanes, vec_sigmoid(load(x)), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) {
      const double wanted = 1 / (1 + exp(-(double)x[l]));
      expect_near("vec_sigmoid", l, lanes[l], wanted, 5 * ulp * wanted + 0x1p-126);
    }
    for (size_t l = 0; l < VEC_LANES; l++) x[l] = expf(x[l] * 0.95f);
    vec_store(lanes, vec_log(load(x)), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) {
      const double wanted = log(x[l]);
      expect_near("vec_log", l, lanes[l], wanted, 2 * ulp * fabs(wanted) + 0x1p-149);
    }
  }
  const float ends[] = {NAN, INFINITY, -INFINITY, 0};
  for (size_t i = 0; i < 4; i++) {
    const float inside = i == 1 ? 88.0f : i == 2 ? -87.3f : ends[i];
    vec_store(lanes, vec_exp(vec_set(ends[i])), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++)
      expect_near("vec_exp", l, lanes[l], exp(inside), 2 * ulp * exp(inside));
  }
  const float powers[][2] = {
      {NAN, NAN},        {INFINITY, 0x1p127f}, {-INFINITY, 0x1p-126f}, {0, 1},
      {-126, 0x1p-126f}, {127, 0x1p127f},      {-3e38f, 0x1p-126f}};
  for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
    vec_store(lanes, vec_exp2(vec_set(powers[i][0])), VEC_LANES);
    for (size_t l = 0; l < VEC_LANES; l++) expect_lane("vec_exp2", l, lanes[l], powers[i][1]);
  }
}

/// Words over arrays, at every length of up to three vectors; products of small integers are exact.
static void test_arrays(void) {
  for (size_t count = 0; count <= 3 * VEC_LANES; count++) {
    float a[3 * VEC_LANES], b[3 * VEC_LANES], y[3 * VEC_LANES + 1], sum = 0;
    float *x = a + 3 * VEC_LANES - count, *z = b + 3 * VEC_LANES - count;
    for (size_t i = 0; i < count; i++) {
      x[i] = (float)(i % 7) - 3, z[i] = (float)(i % 5) - 1;
      y[i] = (float)i;
      sum += x[i] * z[i];
    }
    y[count] = poison;
    expect_lane("vec_dot", count, vec_dot(x, z, count), sum);
    vec_accumulate(y, 2, x, count);
    for (size_t i = 0; i < count; i++) expect_lane("vec_accumulate", i, y[i], (float)i + 2 * x[i]);
    expect_lane("vec_accumulate", count, y[count], poison);
  }
}

int PASTE(test_vocabulary, LMN_ISA)(void) {
  failures = 0;
  test_lanes();
  test_partial();
  test_across();
  test_exponents();
  test_functions();
  test_arrays();
  printf("%-10s vocabulary: %d failures\n", QUOTE(LMN_ISA), failures);
  return failures;
}
#pragma clang attribute pop
