// Losses, AdamW and the gradient norm.
#ifndef CLMN_TRAINING_H
#define CLMN_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Softmax cross-entropy: losses[r] = log_normalizer[r] - logits[r][targets[r]],
/// log_normalizer[r] = log of the sum of exp(logits[r]). For a row with a negative target both are
/// 0, and so is its gradient.
typedef struct lmn_cross_entropy {
  size_t rows, vocabulary;
  const float *logits;             // [M, V]
  const int32_t *targets;          // [M], each in [0, V) or negative
  float *losses, *log_normalizer;  // [M]
} lmn_cross_entropy;

void lmn_cross_entropy_forward(lmn_context, const lmn_cross_entropy *);

typedef struct lmn_cross_entropy_grad {
  size_t rows, vocabulary;
  const float *logits;          // [M, V]
  const int32_t *targets;       // [M]
  const float *log_normalizer;  // [M]
  const float *d_losses;        // [M]
  float *d_logits;              // [M, V]
} lmn_cross_entropy_grad;

void lmn_cross_entropy_backward(lmn_context, const lmn_cross_entropy_grad *);

/// errors[i] = weights[i] * d^2, or weights[i] * |d|, d = predictions[i] - targets[i]
///
/// With quantiles q, |d| is 2 q |d| below the target and 2 (1 - q) |d| above it (pinball loss,
/// twice): its mean is least where a share q of the targets is below the prediction; q = 1/2 gives
/// |d|.
typedef struct lmn_prediction_error {
  size_t count;
  bool squared;
  const float *predictions, *targets, *weights;  // [count]
  float *errors;                                 // [count]
  const float *quantiles;                        // [count], or NULL for |d|; not if squared
} lmn_prediction_error;

void lmn_prediction_error_forward(lmn_context, const lmn_prediction_error *);

typedef struct lmn_prediction_error_grad {
  size_t count;
  bool squared;
  const float *predictions, *targets, *weights;  // [count]
  const float *d_errors;                         // [count]
  float *d_predictions;                          // [count]; for |d| 0 at d = 0
  const float *quantiles;                        // as given to forward
} lmn_prediction_error_grad;

void lmn_prediction_error_backward(lmn_context, const lmn_prediction_error_grad *);

/// AdamW with decoupled weight decay (arXiv 1711.05101, algorithm 2), one step:
///   g = gradient * gradient_scale
///   first  = beta1 * first  + (1 - beta1) * g
///   second = beta2 * second + (1 - beta2) * g^2
///   value  = value * (1 - learning_rate * weight_decay)
///            - learning_rate / correction1 * first / (sqrt(second / correction2) + epsilon)
typedef struct lmn_adamw {
  size_t count;
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2;  // 1 - beta^step
  float gradient_scale;
  const float *gradient;          // [count]
  float *value, *first, *second;  // [count]; in and out
} lmn_adamw;

void lmn_adamw_update(lmn_context, const lmn_adamw *);

/// One step of AdamW on some rows of a matrix; other rows and their moments stay. Of `step`, the
/// gradient is [M, E] with row m for rows[m], and value and moments are whole matrices.
typedef struct lmn_adamw_rows {
  lmn_adamw step;  // step.count = M * width
  size_t width;
  const int32_t *rows;  // [M], all different
} lmn_adamw_rows;

void lmn_adamw_rows_update(lmn_context, const lmn_adamw_rows *);

enum { LMN_SQUARED_NORM_BLOCK = 4096 };

/// partial[b] = sum of squares of block b of LMN_SQUARED_NORM_BLOCK values; their sum is the
/// squared Euclidean norm.
typedef struct lmn_squared_norm {
  size_t count;
  const float *values;  // [count]
  float *partial;       // [ceil(count / LMN_SQUARED_NORM_BLOCK)]
} lmn_squared_norm;

void lmn_squared_norm_forward(lmn_context, const lmn_squared_norm *);

#ifdef __cplusplus
}
#endif

#endif
