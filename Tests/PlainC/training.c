// Losses, AdamW and the gradient norm.
#include <math.h>

#include "topics.h"

void run_training(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length, E = c->width;
  const float *x = random_values(o, 1, L * E, 1), *dy = random_values(o, 2, L * E, 1);
  const float *logits = random_values(o, 3, L * V, 4);
  int32_t *targets = allocate(o, L * sizeof *targets);
  for (size_t i = 0; i < L; i++) targets[i] = i % 5 ? (int32_t)(i % V) : -1;
  OUT(losses, L);
  OUT(log_sum, L);
  lmn_cross_entropy_forward(context, &(lmn_cross_entropy){L, V, logits, targets, losses, log_sum});
  OUT(d_logits, L * V);
  lmn_cross_entropy_backward(
      context, &(lmn_cross_entropy_grad){L, V, logits, targets, log_sum, dy, d_logits});
  for (int squared = 0; squared < 2; squared++) {
    OUT(errors, L * E);
    lmn_prediction_error_forward(context,
                                 &(lmn_prediction_error){L * E, squared, x, dy, x, errors, NULL});
    OUT(d_predictions, L * E);
    lmn_prediction_error_backward(
        context, &(lmn_prediction_error_grad){L * E, squared, x, dy, x, dy, d_predictions, NULL});
  }

  IN_OUT(value, random_values(o, 6, L * E, 1), L * E);
  IN_OUT(first, random_values(o, 7, L * E, 0.1f), L * E);
  IN_OUT(second, random_values(o, 8, L * E, 0.1f), L * E);
  for (size_t i = 0; i < L * E; i++) second[i] = fabsf(second[i]);
  lmn_adamw_update(context, &(lmn_adamw){L * E, 1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.1f, 0.01f, 0.5f,
                                         dy, value, first, second});
  const int32_t rows[] = {(int32_t)L - 1};
  const lmn_adamw step = {E,     1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f,  0.1f,
                          0.01f, 0.5f,  dy,   value, first, second};
  lmn_adamw_rows_update(context, &(lmn_adamw_rows){step, E, rows});
  const size_t blocks = (L * E + LMN_SQUARED_NORM_BLOCK - 1) / LMN_SQUARED_NORM_BLOCK;
  OUT(squares, blocks);
  lmn_squared_norm_forward(context, &(lmn_squared_norm){L * E, x, squares});
}
