// Definition of a tuned kernel. Included inside a target region, after the header of an instruction
// set.
#ifndef LMN_KERNEL_H
#define LMN_KERNEL_H

#include "CLMN.h"
#include "kernels/units.h"
#include "simd/common.h"

#define LMN_PASTE_(a, b) a##_##b
#define LMN_PASTE(a, b) LMN_PASTE_(a, b)

#define KERNEL(name) \
  static void LMN_PASTE(name, LMN_ISA)(const void *args, size_t begin, size_t end)

#endif
