#include "isa/isa.h"
#include "kernels/units.h"

void lmn_adamw_update(lmn_context context, const lmn_adamw *a) {
  lmn_share_out(context, context.isa->adamw_update, a, lmn_units(a->count, LMN_BLOCK),
                8 * LMN_BLOCK);
}

void lmn_adamw_rows_update(lmn_context context, const lmn_adamw_rows *a) {
  lmn_share_out(context, context.isa->adamw_rows_update, a, a->width ? a->step.count / a->width : 0,
                8 * a->width);
}
