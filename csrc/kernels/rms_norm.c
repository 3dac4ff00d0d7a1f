#include "isa/isa.h"
#include "kernels/units.h"

void lmn_rms_norm_forward(lmn_context context, const lmn_rms_norm *a) {
  lmn_share_out(context, context.isa->rms_norm_forward, a, a->rows, 8 * a->width);
}

void lmn_rms_norm_backward(lmn_context context, const lmn_rms_norm_grad *a) {
  lmn_share_out(context, context.isa->rms_norm_backward_x, a, a->rows, 8 * a->width);
  if (a->gain)
    lmn_share_out(context, context.isa->rms_norm_backward_gain, a,
                  lmn_units(a->width, LMN_TILE_COLUMNS), 16 * a->rows);
}
