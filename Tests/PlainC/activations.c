// Activation functions, gates and dropout.
#include "topics.h"

void run_activations(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length, E = c->width;
  const float *x = random_values(o, 1, L * E, 1), *dy = random_values(o, 2, L * E, 1);
  static void (*const forwards[])(lmn_context, const lmn_activation *) = {
      lmn_silu_forward, lmn_gelu_forward, lmn_relu_forward, lmn_log_sigmoid_forward};
  static void (*const backwards[])(lmn_context, const lmn_activation_grad *) = {
      lmn_silu_backward, lmn_gelu_backward, lmn_relu_backward, lmn_log_sigmoid_backward};
  for (size_t i = 0; i < 4; i++) {
    OUT(activated, L * E);
    forwards[i](context, &(lmn_activation){L * E, x, activated});
    OUT(d_x, L * E);
    backwards[i](context, &(lmn_activation_grad){L * E, x, dy, d_x});
  }
  OUT(kept, L * E);
  const uint64_t draw[] = {5, 1ull << 32, 3};
  lmn_dropout_forward(context, &(lmn_dropout){L * E, E, 0.3f, 2, draw, x, kept});

  const float *halves = random_values(o, 41, L * 2 * E, 5);
  OUT(gated, L * E);
  lmn_gated_linear_unit_forward(context, &(lmn_gated_linear_unit){L, E, halves, gated});
  OUT(d_halves, L * 2 * E);
  lmn_gated_linear_unit_backward(context,
                                 &(lmn_gated_linear_unit_grad){L, E, halves, dy, d_halves});

  OUT(gated_by_silu, L * E);
  OUT(d_ungated, L * E);
  OUT(d_gate, L * E);
  lmn_silu_gate_forward(context, &(lmn_silu_gate){L * E, x, dy, gated_by_silu});
  lmn_silu_gate_backward(context, &(lmn_silu_gate_grad){L * E, x, dy, gated, d_ungated, d_gate});
}
