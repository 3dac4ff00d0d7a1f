#include "kernels/grouped_matmul.h"

#include "isa/isa.h"

void lmn_grouped_matmul_forward(lmn_context context, const lmn_grouped_matmul *a) {
  const size_t rows = lmn_units(a->rows, a->segments);
  lmn_share_out(context, context.isa->grouped_matmul_forward, a,
                lmn_segment_tiles(a->rows, a->segments),
                lmn_rows_of_work(rows) * a->inner * a->columns);
}

void lmn_grouped_matmul_backward_right(lmn_context context, const lmn_grouped_matmul_grad *a) {
  lmn_share_out(context, context.isa->grouped_matmul_backward_right, a,
                a->segments * lmn_units(a->inner, LMN_GRAD_ROWS),
                LMN_GRAD_ROWS * lmn_units(a->rows, a->segments) * a->columns);
}

void lmn_grouped_row_sum_forward(lmn_context context, const lmn_grouped_row_sum *a) {
  lmn_share_out(context, context.isa->grouped_row_sum_forward, a,
                a->segments * lmn_units(a->columns, LMN_TILE_COLUMNS),
                lmn_units(a->rows, a->segments) * lmn_min(a->columns, LMN_TILE_COLUMNS));
}
