#include "isa/isa.h"
#include "kernels/units.h"

void lmn_sum_forward(lmn_context context, const lmn_sum *a) {
  lmn_share_out(context, context.isa->sum_forward, a, lmn_units(a->count, LMN_BLOCK),
                LMN_BLOCK * a->terms);
}
