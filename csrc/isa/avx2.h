// AVX2 with FMA. The compiler takes POPCNT for granted with AVX2.
#include "isa/x86.h"

#define LMN_ISA avx2
#define LMN_FEATURES(FIRST, NEXT) FIRST(avx2) NEXT(fma) NEXT(popcnt)
#define LMN_SIMD "simd/avx2.h"
