#include "isa/isa.h"
#include "kernels/units.h"

void lmn_row_copy_forward(lmn_context context, const lmn_row_copy *a) {
  lmn_share_out(context, context.isa->row_copy_forward, a, a->rows, a->width);
}
