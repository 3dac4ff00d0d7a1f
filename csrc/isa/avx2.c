#include "isa/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>

static bool supported(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#define LMN_ISA avx2
#define LMN_TARGET "avx2,fma"
#define LMN_SIMD "simd/avx2.h"
#include "isa/instantiate.h"
#endif
