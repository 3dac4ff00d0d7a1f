#include "isa/isa.h"
#include "kernels/units.h"

static void share_out(lmn_context context, lmn_kernel *kernel, const void *args, size_t count) {
  lmn_share_out(context, kernel, args, lmn_units(count, LMN_BLOCK), 8 * LMN_BLOCK);
}

void lmn_silu_forward(lmn_context context, const lmn_activation *a) {
  share_out(context, context.isa->silu_forward, a, a->count);
}

void lmn_silu_backward(lmn_context context, const lmn_activation_grad *a) {
  share_out(context, context.isa->silu_backward, a, a->count);
}

void lmn_gelu_forward(lmn_context context, const lmn_activation *a) {
  share_out(context, context.isa->gelu_forward, a, a->count);
}

void lmn_gelu_backward(lmn_context context, const lmn_activation_grad *a) {
  share_out(context, context.isa->gelu_backward, a, a->count);
}

void lmn_relu_forward(lmn_context context, const lmn_activation *a) {
  share_out(context, context.isa->relu_forward, a, a->count);
}

void lmn_relu_backward(lmn_context context, const lmn_activation_grad *a) {
  share_out(context, context.isa->relu_backward, a, a->count);
}

void lmn_sigmoid_forward(lmn_context context, const lmn_activation *a) {
  share_out(context, context.isa->sigmoid_forward, a, a->count);
}

void lmn_sigmoid_backward(lmn_context context, const lmn_activation_grad *a) {
  share_out(context, context.isa->sigmoid_backward, a, a->count);
}

void lmn_log_sigmoid_forward(lmn_context context, const lmn_activation *a) {
  share_out(context, context.isa->log_sigmoid_forward, a, a->count);
}

void lmn_log_sigmoid_backward(lmn_context context, const lmn_activation_grad *a) {
  share_out(context, context.isa->log_sigmoid_backward, a, a->count);
}
