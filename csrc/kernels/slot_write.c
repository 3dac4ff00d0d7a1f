#include "isa/isa.h"
#include "kernels/units.h"

/// Multiply-adds of a unit, with `products` of a slot's and a token's head.
static size_t work(size_t slots, size_t tokens, size_t head_width, size_t products) {
  return slots * (1 + tokens) * (products * head_width + 16);
}

void lmn_slot_write_forward(lmn_context context, const lmn_slot_write *a) {
  lmn_share_out(context, context.isa->slot_write_forward, a, a->streams * a->heads,
                work(a->slots, a->tokens, a->width / a->heads, 2));
}

void lmn_slot_write_backward(lmn_context context, const lmn_slot_write_grad *a) {
  lmn_share_out(context, context.isa->slot_write_backward, a, a->streams * a->heads,
                work(a->slots, a->tokens, a->width / a->heads, 7));
}
