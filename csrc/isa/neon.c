#include "isa/isa.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdbool.h>

static bool supported(void) { return true; }

#define LMN_ISA neon
#define LMN_TARGET "+simd"
#define LMN_SIMD "simd/neon.h"
#include "isa/instantiate.h"
#endif
