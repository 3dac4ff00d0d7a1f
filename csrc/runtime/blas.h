// Products computed by OpenBLAS, each unit on one thread.
#ifndef LMN_BLAS_H
#define LMN_BLAS_H

#include "kernels/units.h"

#ifdef LMN_OPENBLAS
#include <stdbool.h>

enum { LMN_BLAS_ROWS = 128 };

/// Whether there is an OpenBLAS; the first call loads it.
bool lmn_blas_is_available(void);

/// A kernel: unit u is the LMN_BLAS_ROWS rows of d_right from row u * LMN_BLAS_ROWS. It needs an
/// OpenBLAS that is available.
void lmn_blas_matmul_backward_right(const void *args, size_t begin, size_t end);
#endif

#endif
