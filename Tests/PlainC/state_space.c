// State space models.
#include <string.h>

#include "topics.h"

/// State space models with steps of all sizes.
void run_state_space(lmn_context context, const computation *c, outcome *o) {
  enum { P = 7 };
  const size_t L = c->length, E = c->width;
  const size_t chunks = (L + LMN_STATE_SPACE_CHUNK - 1) / LMN_STATE_SPACE_CHUNK;
  float *log_dt = random_values(o, 31, E, 3);
  for (size_t e = 0; e < E; e++) log_dt[e] -= 4;
  const float *log_a_real = random_values(o, 32, E * P, 1),
              *c_of = random_values(o, 33, E * P * 2, 1);
  const float *a_imag = random_values(o, 34, E * P, 20);
  OUT(coefficients, P * 4 * E);
  lmn_discretization_forward(
      context, &(lmn_discretization){E, P, log_dt, log_a_real, a_imag, c_of, coefficients});
  // Others than these, whose rounding a long memory amplifies.
  const float *recurrence = random_values(o, 42, P * 4 * E, 0.6f);
  const float *y = random_values(o, 35, L * E, 1), *skip = random_values(o, 36, E, 1);
  const float *before = random_values(o, 37, P * 2 * E, 1);
  OUT(carried, (1 + chunks) * P * 2 * E);
  memcpy(carried, before, P * 2 * E * sizeof *carried);
  OUT(s, L * E);
  lmn_state_space_forward(context, &(lmn_state_space){L, E, P, y, recurrence, skip, carried, s});
  const float *d_s = random_values(o, 38, L * E, 1);
  IN_OUT(d_state, random_values(o, 39, P * 2 * E, 1), P * 2 * E);
  OUT(d_y, L * E);
  OUT(d_coefficients, P * 4 * E);
  OUT(d_skip, E);
  lmn_state_space_backward(
      context, &(lmn_state_space_grad){L, E, P, y, recurrence, skip, carried, d_s, d_state, d_y,
                                       d_coefficients, d_skip});
  OUT(d_log_dt, E);
  OUT(d_log_a_real, E * P);
  OUT(d_a_imag, E * P);
  OUT(d_c, E * P * 2);
  lmn_discretization_backward(
      context, &(lmn_discretization_grad){E, P, log_dt, log_a_real, a_imag, c_of, d_coefficients,
                                          d_log_dt, d_log_a_real, d_a_imag, d_c});
  IN_OUT(states, random_values(o, 40, 3 * P * 2 * E, 1), 3 * P * 2 * E);
  OUT(stepped, 3 * E);
  lmn_state_space_step_forward(
      context, &(lmn_state_space_step){3, E, P, y, recurrence, skip, states, stepped});
}
