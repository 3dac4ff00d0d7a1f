#include "isa/isa.h"
#include "kernels/units.h"

void lmn_squared_norm_forward(lmn_context context, const lmn_squared_norm *a) {
  lmn_parallel_for(context, context.isa->squared_norm_forward, a,
                   lmn_units(a->count, LMN_SQUARED_NORM_BLOCK), lmn_grain(LMN_SQUARED_NORM_BLOCK));
}
