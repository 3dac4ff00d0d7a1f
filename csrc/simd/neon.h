// The vector vocabulary on NEON: 4 lanes; partial vectors are copied through an array.
#ifndef LMN_SIMD_NEON_H
#define LMN_SIMD_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "simd/inline.h"

typedef float32x4_t vec;
#define TILE_WIDE 1
enum { VEC_LANES = 4, TILE_VECTORS = 4, TILE_MOST_VECTORS = 16, TILE_MOST_ROWS = 12 };
#define TILE_HEIGHT(vectors) ((vectors) == 1 ? 12 : (vectors) < 4 ? 8 : 6)

LMN_INLINE vec vec_set(float x) { return vdupq_n_f32(x); }
LMN_INLINE vec vec_load(const float *p, size_t lanes) {
  if (lanes == VEC_LANES) return vld1q_f32(p);
  float part[VEC_LANES] = {0};
  for (size_t i = 0; i < lanes; i++) part[i] = p[i];
  return vld1q_f32(part);
}
LMN_INLINE void vec_store(float *p, vec a, size_t lanes) {
  if (lanes == VEC_LANES) {
    vst1q_f32(p, a);
    return;
  }
  float part[VEC_LANES];
  vst1q_f32(part, a);
  for (size_t i = 0; i < lanes; i++) p[i] = part[i];
}
LMN_INLINE vec vec_first(vec a, size_t lanes, float rest) {
  float part[VEC_LANES];
  vst1q_f32(part, a);
  for (size_t i = lanes; i < VEC_LANES; i++) part[i] = rest;
  return vld1q_f32(part);
}

LMN_INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
LMN_INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
LMN_INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
LMN_INLINE vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
LMN_INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
LMN_INLINE vec vec_sqrt(vec a) { return vsqrtq_f32(a); }
// Not vmaxq and vminq, which are NaN where either operand is.
LMN_INLINE vec vec_max(vec a, vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
LMN_INLINE vec vec_min(vec a, vec b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
LMN_INLINE vec vec_where_positive(vec a, vec b) {
  return vreinterpretq_f32_u32(vandq_u32(vcgtzq_f32(a), vreinterpretq_u32_f32(b)));
}
LMN_INLINE vec vec_round(vec a) { return vrndnq_f32(a); }
LMN_INLINE vec vec_scale_exponent(vec a, vec n) {
  const int32x4_t bits = vshlq_n_s32(vcvtnq_s32_f32(n), 23);
  return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a), bits));
}
LMN_INLINE float vec_sum(vec a) { return vaddvq_f32(a); }
LMN_INLINE float vec_largest(vec a) { return vmaxvq_f32(a); }

LMN_INLINE vec vec_exponent(vec a) {
  const int32x4_t biased = vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_f32(a), 23));
  return vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)));
}

LMN_INLINE vec vec_fold_two(vec a, vec b, size_t width) {
  if (width == 1) return vec_add(vtrn1q_f32(a, b), vtrn2q_f32(a, b));
  return vec_add(vcombine_f32(vget_low_f32(a), vget_low_f32(b)),
                 vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}
LMN_INLINE void vec_transpose(vec *rows) {
  const float32x4x2_t a = vtrnq_f32(rows[0], rows[1]), b = vtrnq_f32(rows[2], rows[3]);
  rows[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
  rows[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
  rows[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
  rows[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
LMN_INLINE vec vec_repeat(const float *p, size_t period) {
  switch (period) {
    case 1:
      return vdupq_n_f32(*p);
    case 2:
      return vcombine_f32(vld1_f32(p), vld1_f32(p));
    default:
      return vld1q_f32(p);
  }
}

#endif
