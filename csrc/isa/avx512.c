#include "isa/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>

static bool supported(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

#define LMN_ISA avx512
#define LMN_TARGET "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2"
#define LMN_SIMD "simd/avx512.h"
#include "isa/instantiate.h"
#endif
