// Diagonal state space models.
#ifndef CLMN_STATE_SPACE_H
#define CLMN_STATE_SPACE_H

#include <stddef.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LMN_STATE_SPACE_CHUNK = 64 };

/// Diagonal state space model (S4D, arXiv 2206.11893): every channel has P complex states, each
/// with a coefficient a of its recurrence and a weight w of the output:
///   state = a * state + y[t];  s[t] = sum over the states of Re(w * state) + skip * y[t]
/// Arrays of states are [P, 2, E]: of every state the real part, then the imaginary one.
typedef struct lmn_state_space {
  size_t length, width, states;  // L, E, P
  const float *y;                // [L, E]
  const float *coefficients;     // [P, 4, E]: a, then w, each real and imaginary
  const float *skip;             // [E]
  float *carried;  // [1 + ceil(L / LMN_STATE_SPACE_CHUNK), P, 2, E]; in: the states before the
                   // tokens in the first row; out: those after every chunk in the other rows
  float *s;        // [L, E]
} lmn_state_space;

void lmn_state_space_forward(lmn_context, const lmn_state_space *);

typedef struct lmn_state_space_grad {
  size_t length, width, states;
  const float *y, *coefficients, *skip;
  const float *carried;   // result of the forward call
  const float *d_s;       // [L, E]
  float *d_state;         // [P, 2, E]; in: cotangent of the last states; out: of the first ones
  float *d_y;             // [L, E]
  float *d_coefficients;  // [P, 4, E]
  float *d_skip;          // [E]
} lmn_state_space_grad;

void lmn_state_space_backward(lmn_context, const lmn_state_space_grad *);

/// One token of each of B streams.
typedef struct lmn_state_space_step {
  size_t streams, width, states;
  const float *y;             // [B, E]
  const float *coefficients;  // [P, 4, E]
  const float *skip;          // [E]
  float *state;               // [B, P, 2, E]; in and out
  float *s;                   // [B, E]
} lmn_state_space_step;

void lmn_state_space_step_forward(lmn_context, const lmn_state_space_step *);

/// Zero-order hold of a continuous model with step dt = exp(log_dt), transition
/// A = -exp(log_a_real) + i a_imag and output C, both of a pair of conjugate states:
///   a = exp(dt A);  w = 2 C (a - 1) / A
typedef struct lmn_discretization {
  size_t width, states;              // E, P
  const float *log_dt;               // [E]
  const float *log_a_real, *a_imag;  // [E, P]
  const float *c;                    // [E, P, 2]
  float *coefficients;               // [P, 4, E], as in lmn_state_space
} lmn_discretization;

void lmn_discretization_forward(lmn_context, const lmn_discretization *);

typedef struct lmn_discretization_grad {
  size_t width, states;
  const float *log_dt, *log_a_real, *a_imag, *c;
  const float *d_coefficients;     // [P, 4, E]
  float *d_log_dt;                 // [E]
  float *d_log_a_real, *d_a_imag;  // [E, P]
  float *d_c;                      // [E, P, 2]
} lmn_discretization_grad;

void lmn_discretization_backward(lmn_context, const lmn_discretization_grad *);

#ifdef __cplusplus
}
#endif

#endif
