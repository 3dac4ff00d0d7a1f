#include "isa/isa.h"
#include "kernels/units.h"

void lmn_sum_forward(lmn_context context, const lmn_sum *a) {
  lmn_parallel_for(context, context.isa->sum_forward, a, lmn_units(a->count, LMN_BLOCK),
                   lmn_grain(LMN_BLOCK * a->terms));
}
