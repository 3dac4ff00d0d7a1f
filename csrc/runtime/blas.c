// The only file that uses OpenBLAS, if LMN_OPENBLAS is defined.
#include "runtime/blas.h"

#ifdef LMN_OPENBLAS
#include <cblas.h>

const char *lmn_blas_description(void) { return openblas_get_config(); }

void lmn_blas_matmul_backward_right(const void *args, size_t begin, size_t end) {
  const lmn_matmul_grad *a = args;
  // OpenBLAS's threads would compete with the caller's. The setting is one for the whole process.
  openblas_set_num_threads(1);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t k = unit * LMN_BLAS_ROWS;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans,
                (blasint)lmn_min(a->inner - k, LMN_BLAS_ROWS), (blasint)a->columns,
                (blasint)a->rows, 1, a->left + k, (blasint)a->inner, a->d_product,
                (blasint)a->columns, 0, a->d_right + k * a->columns, (blasint)a->columns);
  }
}
#else
const char *lmn_blas_description(void) { return "none"; }
#endif
