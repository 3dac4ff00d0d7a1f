// RMSNorm and LayerNorm.
#ifndef CLMN_NORMS_H
#define CLMN_NORMS_H

#include <stddef.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// RMSNorm: normalized = x * scale * gain, scale = 1 / sqrt(mean(x^2) + epsilon) per row.
typedef struct lmn_rms_norm {
  size_t rows, width;
  float epsilon;
  const float *x;     // [M, E]
  const float *gain;  // [E], or NULL: ones
  float *normalized;  // [M, E]
  float *scale;       // [M]
} lmn_rms_norm;

void lmn_rms_norm_forward(lmn_context, const lmn_rms_norm *);

typedef struct lmn_rms_norm_grad {
  size_t rows, width;
  const float *x;             // [M, E]
  const float *gain;          // [E], or NULL
  const float *scale;         // [M]
  const float *d_normalized;  // [M, E]
  float *d_x;                 // [M, E]
  float *d_gain;              // [E]; not used without a gain
} lmn_rms_norm_grad;

void lmn_rms_norm_backward(lmn_context, const lmn_rms_norm_grad *);

/// LayerNorm: normalized = (x - mean) * scale * gain + bias, scale = 1 / sqrt(variance + epsilon)
/// per row.
typedef struct lmn_layer_norm {
  size_t rows, width;
  float epsilon;
  const float *x;            // [M, E]
  const float *gain, *bias;  // [E]
  float *normalized;         // [M, E]
  float *mean, *scale;       // [M]
} lmn_layer_norm;

void lmn_layer_norm_forward(lmn_context, const lmn_layer_norm *);

typedef struct lmn_layer_norm_grad {
  size_t rows, width;
  const float *x;             // [M, E]
  const float *gain;          // [E]
  const float *mean, *scale;  // [M]
  const float *d_normalized;  // [M, E]
  float *d_x;                 // [M, E]
  float *d_gain, *d_bias;     // [E]
} lmn_layer_norm_grad;

void lmn_layer_norm_backward(lmn_context, const lmn_layer_norm_grad *);

#ifdef __cplusplus
}
#endif

#endif
