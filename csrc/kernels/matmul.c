#include "isa/isa.h"
#include "kernels/units.h"
#include "runtime/blas.h"

void lmn_matmul_forward(lmn_context context, const lmn_matmul *a) {
  const size_t tiles = lmn_units(a->rows, LMN_TILE_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  lmn_share_out(context, context.isa->matmul_forward, a, tiles,
                lmn_rows_of_work(a->rows) * a->inner * lmn_min(a->columns, LMN_TILE_COLUMNS));
}

void lmn_matmul_backward_right(lmn_context context, const lmn_matmul_grad *a) {
#ifdef LMN_OPENBLAS
  const size_t blas_from = context.isa->blas_from;
  if (blas_from && a->inner * a->columns >= blas_from && lmn_blas_is_available()) {
    lmn_share_out(context, lmn_blas_matmul_backward_right, a, lmn_units(a->inner, LMN_BLAS_ROWS),
                  LMN_BLAS_ROWS * a->rows * a->columns);
    return;
  }
#endif
  const size_t tiles = lmn_units(a->inner, LMN_GRAD_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  lmn_share_out(context, context.isa->matmul_backward_right, a, tiles,
                lmn_rows_of_work(lmn_min(a->inner, LMN_GRAD_ROWS)) * a->rows *
                    lmn_min(a->columns, LMN_TILE_COLUMNS));
}
