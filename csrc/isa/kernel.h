// Definition of a tuned kernel. Included inside a target region, after the header of an instruction
// set.
#ifndef LMN_KERNEL_H
#define LMN_KERNEL_H

#include "CLMN.h"
#include "kernels/units.h"
#include "simd/common.h"

#define LMN_PASTE_(a, b) a##_##b
#define LMN_PASTE(a, b) LMN_PASTE_(a, b)

/// `restrict`, because a store of a vector may otherwise change any argument, which the compiler
/// then reads again.
#define KERNEL(name) \
  static void LMN_PASTE(name, LMN_ISA)(const void *restrict args, size_t begin, size_t end)

#endif
