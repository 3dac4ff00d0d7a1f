// The vector vocabulary on AVX2 with FMA: 8 lanes; masks are windows of a constant array.
#ifndef LMN_SIMD_AVX2_H
#define LMN_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "simd/inline.h"

typedef __m256 vec;
#define TILE_WIDE 0
enum { VEC_LANES = 8, TILE_VECTORS = 2, TILE_MOST_VECTORS = 8, TILE_MOST_ROWS = 12 };
#define TILE_HEIGHT(vectors) ((vectors) == 1 ? 12 : 6)

static const int32_t vec_window[2 * VEC_LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};

LMN_INLINE __m256i vec_mask(size_t lanes) {
  return _mm256_loadu_si256((const __m256i *)(vec_window + VEC_LANES - lanes));
}

LMN_INLINE vec vec_set(float x) { return _mm256_set1_ps(x); }
LMN_INLINE vec vec_load(const float *p, size_t lanes) {
  return lanes == VEC_LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, vec_mask(lanes));
}
LMN_INLINE void vec_store(float *p, vec a, size_t lanes) {
  if (lanes == VEC_LANES) {
    _mm256_storeu_ps(p, a);
    return;
  }
  // Masked stores are slow on AMD's processors.
  __m128 part = _mm256_castps256_ps128(a);
  if (lanes & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps(a, 1);
    p += 4;
  }
  if (lanes & 2) {
    _mm_storel_pi((__m64 *)p, part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (lanes & 1) _mm_store_ss(p, part);
}
LMN_INLINE vec vec_first(vec a, size_t lanes, float rest) {
  return _mm256_blendv_ps(vec_set(rest), a, _mm256_castsi256_ps(vec_mask(lanes)));
}

LMN_INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
LMN_INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
LMN_INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
LMN_INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
LMN_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
LMN_INLINE vec vec_sqrt(vec a) { return _mm256_sqrt_ps(a); }
LMN_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
LMN_INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
LMN_INLINE vec vec_where_positive(vec a, vec b) {
  return _mm256_and_ps(_mm256_cmp_ps(a, vec_set(0), _CMP_GT_OQ), b);
}
LMN_INLINE vec vec_round(vec a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LMN_INLINE vec vec_scale_exponent(vec a, vec n) {
  const __m256i bits = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), bits));
}
LMN_INLINE float vec_sum(vec a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
LMN_INLINE float vec_largest(vec a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

LMN_INLINE vec vec_exponent(vec a) {
  const __m256i biased = _mm256_srli_epi32(_mm256_castps_si256(a), 23);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(127)));
}

LMN_INLINE vec vec_fold_two(vec a, vec b, size_t width) {
  switch (width) {
    case 1:
      return vec_add(_mm256_blend_ps(a, b, 0xaa),
                     _mm256_permute_ps(_mm256_blend_ps(a, b, 0x55), 0xb1));
    case 2:
      return vec_add(_mm256_blend_ps(a, b, 0xcc), _mm256_shuffle_ps(a, b, 0x4e));
    default:
      return vec_add(_mm256_blend_ps(a, b, 0xf0), _mm256_permute2f128_ps(a, b, 0x21));
  }
}
LMN_INLINE void vec_transpose(vec *rows) {
  // Pairs of rows, then pairs of pairs, exchange lanes within halves; then halves are exchanged.
#pragma clang loop unroll(full)
  for (size_t i = 0; i < VEC_LANES; i += 4) {
    const vec a = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    const vec b = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    const vec c = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const vec d = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
    rows[i] = _mm256_shuffle_ps(a, c, 0x44);
    rows[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
    rows[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
    rows[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 4; i++) {
    const vec a = rows[i], b = rows[i + 4];
    rows[i] = _mm256_permute2f128_ps(a, b, 0x20);
    rows[i + 4] = _mm256_permute2f128_ps(a, b, 0x31);
  }
}
LMN_INLINE vec vec_repeat(const float *p, size_t period) {
  switch (period) {
    case 1:
      return _mm256_set1_ps(*p);
    case 2:
      return _mm256_castpd_ps(_mm256_broadcast_sd((const double *)p));
    case 4:
      return _mm256_broadcast_ps((const __m128 *)p);
    default:
      return _mm256_loadu_ps(p);
  }
}

#endif
