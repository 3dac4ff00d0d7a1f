#include "isa/isa.h"
#include "kernels/units.h"

void lmn_state_space_forward(lmn_context context, const lmn_state_space *a) {
  lmn_share_out(context, context.isa->state_space_forward, a,
                lmn_units(a->width, LMN_STATE_SPACE_CHANNELS),
                6 * LMN_STATE_SPACE_CHANNELS * a->states * a->length);
}

void lmn_state_space_backward(lmn_context context, const lmn_state_space_grad *a) {
  lmn_share_out(context, context.isa->state_space_backward, a,
                lmn_units(a->width, LMN_STATE_SPACE_CHANNELS),
                17 * LMN_STATE_SPACE_CHANNELS * a->states * a->length);
}

void lmn_state_space_step_forward(lmn_context context, const lmn_state_space_step *a) {
  lmn_share_out(context, context.isa->state_space_step_forward, a,
                a->streams * lmn_units(a->width, LMN_STATE_SPACE_CHANNELS),
                6 * LMN_STATE_SPACE_CHANNELS * a->states);
}
