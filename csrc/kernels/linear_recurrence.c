#include "isa/isa.h"
#include "kernels/linear_recurrence.h"

size_t lmn_linear_recurrence_chunks(const lmn_linear_recurrence *a) {
  return a->rows / a->chunk + a->segments;
}

/// Multiply-adds of a unit: products with the state, and within chunks.
static size_t work(const lmn_linear_recurrence *a) {
  const size_t widths = a->key_width + a->value_width;
  return lmn_units(a->rows, a->segments) * (2 * lmn_recurrence_state_size(a) + a->chunk * widths);
}

void lmn_linear_recurrence_forward(lmn_context context, const lmn_linear_recurrence *a) {
  lmn_share_out(context, context.isa->linear_recurrence_forward, a, a->segments * a->heads,
                work(a));
}

void lmn_linear_recurrence_backward(lmn_context context, const lmn_linear_recurrence_grad *a) {
  lmn_share_out(context, context.isa->linear_recurrence_backward, a,
                a->forward.segments * a->forward.heads, 3 * work(&a->forward));
}

void lmn_linear_recurrence_step_forward(lmn_context context, const lmn_linear_recurrence_step *a) {
  lmn_share_out(context, context.isa->linear_recurrence_step_forward, a,
                a->choices.streams * a->heads,
                3 * a->choices.choices * a->key_width * a->value_width);
}
