#include "isa/isa.h"
#include "kernels/units.h"

void lmn_rotary_forward(lmn_context context, const lmn_rotary *a) {
  lmn_share_out(context, context.isa->rotary_forward, a, a->rows, a->width + 8 * a->head_width);
}
