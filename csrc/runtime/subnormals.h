// Floating-point mode of a thread while it runs a kernel: subnormal numbers, below 2^-126, count as
// 0. x86 processors take a hundred times as long for an operation on one, and gradients are full of
// them where attention is certain of its choice.
#ifndef LMN_SUBNORMALS_H
#define LMN_SUBNORMALS_H

#include <stdbool.h>

#include "CLMN.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

/// The control register MXCSR.
typedef unsigned lmn_float_mode;

enum { LMN_FLUSH = 0x8040 };  // results to zero, and operands

static inline lmn_float_mode lmn_get_float_mode(void) { return _mm_getcsr(); }
static inline void lmn_set_float_mode(lmn_float_mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
#include <stdint.h>

/// The control register FPCR.
typedef uint64_t lmn_float_mode;

enum { LMN_FLUSH = 1 << 24 };

static inline lmn_float_mode lmn_get_float_mode(void) {
  lmn_float_mode mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static inline void lmn_set_float_mode(lmn_float_mode mode) {
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}
#else
typedef unsigned lmn_float_mode;

enum { LMN_FLUSH = 0 };

static inline lmn_float_mode lmn_get_float_mode(void) { return 0; }
static inline void lmn_set_float_mode(lmn_float_mode mode) { (void)mode; }
#endif

/// Runs units [begin, end) of a kernel with subnormal numbers counted as 0. The register is written
/// only where it has to change: that takes longer than reading it.
static inline void lmn_run_flushing(lmn_kernel *kernel, const void *args, size_t begin,
                                    size_t end) {
  const lmn_float_mode before = lmn_get_float_mode();
  const bool changes = (before & LMN_FLUSH) != LMN_FLUSH;
  if (changes) lmn_set_float_mode(before | LMN_FLUSH);
  kernel(args, begin, end);
  if (changes) lmn_set_float_mode(before);
}

#endif
