// The vector vocabulary on AVX-512: 16 lanes, mask registers.
#ifndef LMN_SIMD_AVX512_H
#define LMN_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "simd/inline.h"

typedef __m512 vec;
#define TILE_WIDE 1
enum { VEC_LANES = 16, TILE_VECTORS = 4, TILE_MOST_VECTORS = 16, TILE_MOST_ROWS = 12 };
#define TILE_HEIGHT(vectors) ((vectors) == 1 ? 12 : (vectors) < 4 ? 8 : 6)

LMN_INLINE __mmask16 vec_mask(size_t lanes) {
  return (__mmask16)_bzhi_u32(0xffff, (unsigned)lanes);
}

LMN_INLINE vec vec_set(float x) { return _mm512_set1_ps(x); }
LMN_INLINE vec vec_load(const float *p, size_t lanes) {
  return lanes == VEC_LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(vec_mask(lanes), p);
}
LMN_INLINE void vec_store(float *p, vec a, size_t lanes) {
  if (lanes == VEC_LANES)
    _mm512_storeu_ps(p, a);
  else
    _mm512_mask_storeu_ps(p, vec_mask(lanes), a);
}
LMN_INLINE vec vec_first(vec a, size_t lanes, float rest) {
  return _mm512_mask_blend_ps(vec_mask(lanes), vec_set(rest), a);
}

LMN_INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
LMN_INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
LMN_INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
LMN_INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
LMN_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
LMN_INLINE vec vec_sqrt(vec a) { return _mm512_sqrt_ps(a); }
LMN_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
LMN_INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
LMN_INLINE vec vec_where_positive(vec a, vec b) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, vec_set(0), _CMP_GT_OQ), b);
}
LMN_INLINE vec vec_round(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
LMN_INLINE vec vec_scale_exponent(vec a, vec n) { return _mm512_scalef_ps(a, n); }
LMN_INLINE float vec_sum(vec a) { return _mm512_reduce_add_ps(a); }
LMN_INLINE float vec_largest(vec a) { return _mm512_reduce_max_ps(a); }

LMN_INLINE vec vec_exponent(vec a) { return _mm512_getexp_ps(a); }

LMN_INLINE vec vec_fold_two(vec a, vec b, size_t width) {
  // Lane l ^ width of a, or of b from 16 on, is added to lane l.
  static const int32_t other[4][VEC_LANES] = {
      {1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30},
      {2, 3, 16, 17, 6, 7, 20, 21, 10, 11, 24, 25, 14, 15, 28, 29},
      {4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, 26, 27},
      {8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23},
  };
  static const __mmask16 second[4] = {0xaaaa, 0xcccc, 0xf0f0, 0xff00};
  const size_t i = width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3;
  return vec_add(_mm512_mask_blend_ps(second[i], a, b),
                 _mm512_permutex2var_ps(a, _mm512_loadu_si512(other[i]), b));
}
LMN_INLINE void vec_transpose(vec *rows) {
  // Pairs of rows, then pairs of pairs, exchange lanes within quarters; then quarters are
  // exchanged.
#pragma clang loop unroll(full)
  for (size_t i = 0; i < VEC_LANES; i += 4) {
    const vec a = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    const vec b = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    const vec c = _mm512_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const vec d = _mm512_unpackhi_ps(rows[i + 2], rows[i + 3]);
    rows[i] = _mm512_shuffle_ps(a, c, 0x44);
    rows[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
    rows[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
    rows[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 4; i++) {
    const vec a = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
    const vec b = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xdd);
    const vec c = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
    const vec d = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xdd);
    rows[i] = _mm512_shuffle_f32x4(a, c, 0x88);
    rows[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
    rows[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
    rows[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}
LMN_INLINE vec vec_repeat(const float *p, size_t period) {
  switch (period) {
    case 1:
      return _mm512_set1_ps(*p);
    case 2:
      return _mm512_broadcast_f32x2(_mm_castpd_ps(_mm_load_sd((const double *)p)));
    case 4:
      return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
    case 8:
      return _mm512_broadcast_f32x8(_mm256_loadu_ps(p));
    default:
      return _mm512_loadu_ps(p);
  }
}

#endif
