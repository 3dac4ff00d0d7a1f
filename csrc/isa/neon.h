// NEON, which every AArch64 processor has.
#include <arm_neon.h>
#include <stdbool.h>

#define LMN_ISA neon
#define LMN_TARGET "+simd"
#define LMN_SUPPORTED true
#define LMN_SIMD "simd/neon.h"
