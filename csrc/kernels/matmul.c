#include "isa/isa.h"
#include "kernels/units.h"
#include "runtime/blas.h"

/// For units of `rows` by `columns` at most.
static size_t tile_work(size_t rows, size_t inner, size_t columns) {
  // Reading an element of the weight takes as long as so many multiply-adds.
  const size_t reading = 4;
  return (rows > reading ? rows : reading) * inner * lmn_min(columns, LMN_TILE_COLUMNS);
}

void lmn_matmul_forward(lmn_context context, const lmn_matmul *a) {
  const size_t tiles = lmn_units(a->rows, LMN_TILE_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  lmn_share_out(context, context.isa->matmul_forward, a, tiles,
                tile_work(lmn_min(a->rows, LMN_TILE_ROWS), a->inner, a->columns));
}

void lmn_matmul_backward_right(lmn_context context, const lmn_matmul_grad *a) {
  const size_t blas_from = context.isa->blas_from;
  if (blas_from && a->inner * a->columns >= blas_from) {
    lmn_share_out(context, lmn_blas_matmul_backward_right, a, lmn_units(a->inner, LMN_BLAS_ROWS),
                  LMN_BLAS_ROWS * a->rows * a->columns);
    return;
  }
  const size_t tiles = lmn_units(a->inner, LMN_GRAD_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  lmn_share_out(context, context.isa->matmul_backward_right, a, tiles,
                tile_work(lmn_min(a->inner, LMN_GRAD_ROWS), a->rows, a->columns));
}
