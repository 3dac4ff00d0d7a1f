#include "isa/isa.h"
#include "kernels/units.h"

void lmn_sinusoid_forward(lmn_context context, const lmn_sinusoid *a) {
  lmn_share_out(context, context.isa->sinusoid_forward, a, a->rows, 8 * a->width);
}
