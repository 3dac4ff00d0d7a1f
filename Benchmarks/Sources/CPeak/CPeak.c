#include "CPeak.h"

// Enough chains to hide the latency of a multiply-add, few enough for 16 registers.
#define CHAINS(type, count, splat, fma, sum)                                      \
  type chain[count];                                                              \
  for (int i = 0; i < count; i++) chain[i] = splat(1e-3f * (float)i);             \
  const type factor = splat(0.999f), step = splat(1e-4f);                         \
  _Pragma("clang loop unroll(disable)") for (size_t r = 0; r < rounds; r++) {     \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < count; i++) chain[i] = \
        fma(chain[i], factor, step);                                              \
  }                                                                               \
  type total = chain[0];                                                          \
  for (int i = 1; i < count; i++) total = sum(total, chain[i]);                   \
  return total;

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static __m512 avx512(size_t rounds) {
  CHAINS(__m512, 12, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps)
}

__attribute__((target("avx2,fma"))) static __m256 avx2(size_t rounds) {
  CHAINS(__m256, 12, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps)
}

__attribute__((target("avx512f"))) static float first_avx512(size_t rounds) {
  return _mm512_cvtss_f32(avx512(rounds));
}

__attribute__((target("avx2,fma"))) static float first_avx2(size_t rounds) {
  return _mm256_cvtss_f32(avx2(rounds));
}

double cpeak_multiply_add(bool wide, size_t rounds, float *result) {
  if (wide) {
    *result = first_avx512(rounds);
    return 2.0 * 16 * 12 * (double)rounds;
  }
  *result = first_avx2(rounds);
  return 2.0 * 8 * 12 * (double)rounds;
}
#elif defined(__aarch64__)
#include <arm_neon.h>

static float32x4_t multiply_add(float32x4_t a, float32x4_t b, float32x4_t c) {
  return vfmaq_f32(c, a, b);
}

static float32x4_t neon(size_t rounds) {
  CHAINS(float32x4_t, 12, vdupq_n_f32, multiply_add, vaddq_f32)
}

double cpeak_multiply_add(bool wide, size_t rounds, float *result) {
  (void)wide;
  *result = vgetq_lane_f32(neon(rounds), 0);
  return 2.0 * 4 * 12 * (double)rounds;
}
#endif
