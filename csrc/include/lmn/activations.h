// Activation functions, gates and dropout.
#ifndef CLMN_ACTIVATIONS_H
#define CLMN_ACTIVATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Arguments of an activation function, applied to every value.
typedef struct lmn_activation {
  size_t count;
  const float *x;    // [count]
  float *activated;  // [count]
} lmn_activation;

typedef struct lmn_activation_grad {
  size_t count;
  const float *x, *d_activated;  // [count]
  float *d_x;                    // [count]
} lmn_activation_grad;

/// SiLU: activated = x / (1 + exp(-x))
void lmn_silu_forward(lmn_context, const lmn_activation *);
void lmn_silu_backward(lmn_context, const lmn_activation_grad *);

/// GELU: activated = x * (1 + erf(x / sqrt(2))) / 2
void lmn_gelu_forward(lmn_context, const lmn_activation *);
void lmn_gelu_backward(lmn_context, const lmn_activation_grad *);

/// ReLU: activated = max(x, 0); the slope at 0 is 0.
void lmn_relu_forward(lmn_context, const lmn_activation *);
void lmn_relu_backward(lmn_context, const lmn_activation_grad *);

/// Logistic function: activated = 1 / (1 + exp(-x))
void lmn_sigmoid_forward(lmn_context, const lmn_activation *);
void lmn_sigmoid_backward(lmn_context, const lmn_activation_grad *);

/// activated = log(1 / (1 + exp(-x)))
void lmn_log_sigmoid_forward(lmn_context, const lmn_activation *);
void lmn_log_sigmoid_backward(lmn_context, const lmn_activation_grad *);

/// Gated linear unit (arXiv 1612.08083) of a row (a, b): gated = a / (1 + exp(-b))
typedef struct lmn_gated_linear_unit {
  size_t rows, width;
  const float *x;  // [M, 2E]: a, then b
  float *gated;    // [M, E]
} lmn_gated_linear_unit;

void lmn_gated_linear_unit_forward(lmn_context, const lmn_gated_linear_unit *);

typedef struct lmn_gated_linear_unit_grad {
  size_t rows, width;
  const float *x;        // [M, 2E]
  const float *d_gated;  // [M, E]
  float *d_x;            // [M, 2E]
} lmn_gated_linear_unit_grad;

void lmn_gated_linear_unit_backward(lmn_context, const lmn_gated_linear_unit_grad *);

/// Dropout (arXiv 1207.0580) of rows from r on: kept[i] = x[i] / (1 - rate), or 0 if
/// random[r * width + i] is below floor(rate * 2^32). The pullback is the same map of the
/// cotangent; no mask is stored.
///
/// random[i] is word i / 16 % 4 of block i / 64 * 16 + i % 16 of Philox4x32-10 (Salmon and others,
/// "Parallel random numbers: as easy as 1, 2, 3", 2011) with the seed as key and the counter
/// (block, site, number), on every instruction set.
typedef struct lmn_dropout {
  size_t count, width;   // values, and values per row; r * width + count is below 2^34
  float rate;            // 0 <= rate < 1
  uint32_t site;         // number of the dropout among those of one computation
  const uint64_t *draw;  // [3]: seed, number of the computation, r
  const float *x;        // [count]
  float *kept;           // [count]
} lmn_dropout;

void lmn_dropout_forward(lmn_context, const lmn_dropout *);

/// gated = x * silu(gate)
typedef struct lmn_silu_gate {
  size_t count;
  const float *x, *gate;  // [count]
  float *gated;           // [count]
} lmn_silu_gate;

void lmn_silu_gate_forward(lmn_context, const lmn_silu_gate *);

typedef struct lmn_silu_gate_grad {
  size_t count;
  const float *x, *gate, *d_gated;  // [count]
  float *d_x, *d_gate;              // [count]
} lmn_silu_gate_grad;

void lmn_silu_gate_backward(lmn_context, const lmn_silu_gate_grad *);

#ifdef __cplusplus
}
#endif

#endif
