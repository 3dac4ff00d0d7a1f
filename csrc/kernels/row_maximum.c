#include "isa/isa.h"
#include "kernels/units.h"

void lmn_row_maximum_forward(lmn_context context, const lmn_row_maximum *a) {
  lmn_share_out(context, context.isa->row_maximum_forward, a,
                lmn_units(a->columns, LMN_TILE_COLUMNS), 8 * a->rows);
}

void lmn_row_maximum_backward(lmn_context context, const lmn_row_maximum_grad *a) {
  lmn_share_out(context, context.isa->row_maximum_backward, a, a->rows, a->columns);
}
