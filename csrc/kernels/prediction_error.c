#include "isa/isa.h"
#include "kernels/units.h"

void lmn_prediction_error_forward(lmn_context context, const lmn_prediction_error *a) {
  lmn_share_out(context, context.isa->prediction_error_forward, a, lmn_units(a->count, LMN_BLOCK),
                LMN_BLOCK);
}

void lmn_prediction_error_backward(lmn_context context, const lmn_prediction_error_grad *a) {
  lmn_share_out(context, context.isa->prediction_error_backward, a, lmn_units(a->count, LMN_BLOCK),
                LMN_BLOCK);
}
