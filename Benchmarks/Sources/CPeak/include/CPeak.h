#ifndef CPEAK_H
#define CPEAK_H

#include <stdbool.h>
#include <stddef.h>

/// Runs `rounds` rounds of independent fused multiply-adds: of AVX-512 if `wide`, which needs a
/// processor that has it, or else of AVX2 or NEON.
///
/// Returns the number of floating-point operations; stores a value that depends on all of them.
double cpeak_multiply_add(bool wide, size_t rounds, float *result);

#endif
