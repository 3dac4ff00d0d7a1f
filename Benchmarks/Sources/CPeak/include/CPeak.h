#ifndef CPEAK_H
#define CPEAK_H

#include <stddef.h>

/// Runs `rounds` of independent fused multiply-adds as wide as this processor has them.
///
/// Returns how many floating-point operations that were; stores a value that depends on them all.
double cpeak_multiply_add(size_t rounds, float *result);

#endif
