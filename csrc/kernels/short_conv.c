#include "isa/isa.h"
#include "kernels/units.h"

void lmn_short_conv_forward(lmn_context context, const lmn_short_conv *a) {
  lmn_share_out(context, context.isa->short_conv_forward, a, lmn_units(a->width, LMN_TILE_COLUMNS),
                LMN_TILE_COLUMNS * a->rows * (a->taps_count + 8));
}

void lmn_short_conv_backward(lmn_context context, const lmn_short_conv_grad *a) {
  const lmn_short_conv *f = &a->forward;
  lmn_share_out(context, context.isa->short_conv_backward, a, lmn_units(f->width, LMN_TILE_COLUMNS),
                LMN_TILE_COLUMNS * f->rows * (3 * f->taps_count + 8));
}

void lmn_short_conv_step_forward(lmn_context context, const lmn_short_conv_step *a) {
  lmn_share_out(context, context.isa->short_conv_step_forward, a, a->choices.streams,
                a->choices.choices * a->width * (a->taps_count + 8));
}
