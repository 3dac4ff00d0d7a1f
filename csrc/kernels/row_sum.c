#include "isa/isa.h"
#include "kernels/units.h"

void lmn_row_sum_forward(lmn_context context, const lmn_row_sum *a) {
  lmn_share_out(context, context.isa->row_sum_forward, a, lmn_units(a->columns, LMN_TILE_COLUMNS),
                8 * a->rows);
}
