#ifndef CPEAK_H
#define CPEAK_H

#include <stddef.h>

/// Runs `rounds` rounds of independent fused multiply-adds, in the widest vectors of this
/// processor.
///
/// Returns the number of floating-point operations; stores a value that depends on all of them.
double cpeak_multiply_add(size_t rounds, float *result);

#endif
