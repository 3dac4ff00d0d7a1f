// One row of the table per instruction set; kernels/list.h makes the columns.
#ifndef LMN_ISA_H
#define LMN_ISA_H

#include "CLMN.h"

struct lmn_isa {
  const char *name;
  bool (*supported)(void);
  /// From so many weights on, OpenBLAS computes a weight's gradient faster; 0 for never.
  size_t blas_from;
#define LMN_KERNEL(name) lmn_kernel *name;
#include "kernels/list.h"
#undef LMN_KERNEL
};

extern const lmn_isa lmn_avx512, lmn_avx2, lmn_neon, lmn_reference;

#endif
