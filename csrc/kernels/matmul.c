#include "isa/isa.h"
#include "kernels/units.h"

/// A region costs about as much as 50,000 multiply-adds; a thread gets at least that.
static size_t tile_grain(size_t inner) {
  const size_t work = LMN_TILE_ROWS * LMN_TILE_COLUMNS * inner;
  return 1 + 50000 / (work + 1);
}

void lmn_matmul_forward(lmn_context context, const lmn_matmul *a) {
  const size_t tiles =
      lmn_units(a->rows, LMN_TILE_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  lmn_parallel_for(context, context.isa->matmul_forward, a, tiles, tile_grain(a->inner));
}

void lmn_matmul_backward_right(lmn_context context, const lmn_matmul_grad *a) {
  const size_t tiles =
      lmn_units(a->inner, LMN_TILE_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  lmn_parallel_for(context, context.isa->matmul_backward_right, a, tiles, tile_grain(a->rows));
}
