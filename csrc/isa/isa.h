// The table of kernels: a row per instruction set, a column per line of kernels/list.h.
#ifndef LMN_ISA_H
#define LMN_ISA_H

#include "CLMN.h"

struct lmn_isa {
  const char *name;
  bool (*supported)(void);
  /// Smallest number of weights whose gradient OpenBLAS computes; 0 for none.
  size_t blas_from;
#define LMN_KERNEL(name) lmn_kernel *name;
#include "kernels/list.h"
#undef LMN_KERNEL
};

extern const lmn_isa lmn_avx512, lmn_avx2, lmn_neon, lmn_reference;

#endif
