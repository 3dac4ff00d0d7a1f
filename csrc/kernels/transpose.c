#include "isa/isa.h"
#include "kernels/units.h"

void lmn_transpose_forward(lmn_context context, const lmn_transpose *a) {
  lmn_share_out(context, context.isa->transpose_forward, a, a->matrices * a->columns, 8 * a->rows);
}
