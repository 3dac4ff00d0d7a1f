#include "isa/isa.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdbool.h>

static bool supported(void) { return true; }

#define LMN_ISA neon
#define LMN_TARGET "+simd"
#define LMN_SIMD "simd/neon.h"
#define LMN_BLAS_FROM 0
#include "isa/instantiate.h"
#endif
