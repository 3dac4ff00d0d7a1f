#include "isa/isa.h"
#include "kernels/units.h"

void lmn_squared_norm_forward(lmn_context context, const lmn_squared_norm *a) {
  lmn_share_out(context, context.isa->squared_norm_forward, a,
                lmn_units(a->count, LMN_SQUARED_NORM_BLOCK), LMN_SQUARED_NORM_BLOCK);
}
