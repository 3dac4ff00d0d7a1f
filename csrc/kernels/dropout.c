#include "isa/isa.h"
#include "kernels/units.h"

void lmn_dropout_forward(lmn_context context, const lmn_dropout *a) {
  lmn_share_out(context, context.isa->dropout_forward, a, lmn_units(a->count, LMN_BLOCK),
                8 * LMN_BLOCK);
}
