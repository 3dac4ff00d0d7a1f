// AVX-512 of server processors since Skylake-X. The compiler takes F16C and POPCNT for granted with
// AVX-512F.
#include "isa/x86.h"

#define LMN_ISA avx512
#define LMN_FEATURES(FIRST, NEXT) \
  FIRST(avx512f)                  \
  NEXT(avx512dq)                  \
  NEXT(avx512bw) NEXT(avx512vl) NEXT(avx2) NEXT(fma) NEXT(f16c) NEXT(popcnt) NEXT(bmi2)
#define LMN_SIMD "simd/avx512.h"
