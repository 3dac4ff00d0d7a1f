#include "isa/isa.h"
#include "kernels/units.h"

void lmn_add_forward(lmn_context context, const lmn_add *a) {
  lmn_parallel_for(context, context.isa->add_forward, a, lmn_units(a->count, LMN_BLOCK),
                   lmn_grain(LMN_BLOCK));
}
