#ifndef LMN_SIMD_INLINE_H
#define LMN_SIMD_INLINE_H

#define LMN_INLINE static inline __attribute__((always_inline))

#endif
