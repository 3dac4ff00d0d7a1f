#include <math.h>

#include "kernels/units.h"

void prediction_error_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_prediction_error *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const double difference = (double)a->predictions[i] - a->targets[i];
    const double q = a->quantiles ? a->quantiles[i] : 0.5;
    const double absolute = 2 * (difference > 0 ? 1 - q : q) * fabs(difference);
    a->errors[i] = (float)(a->weights[i] * (a->squared ? difference * difference : absolute));
  }
}

void prediction_error_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_prediction_error_grad *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const double difference = (double)a->predictions[i] - a->targets[i];
    const double q = a->quantiles ? a->quantiles[i] : 0.5;
    const double sign = difference > 0 ? 2 * (1 - q) : difference < 0 ? -2 * q : 0;
    const double slope = a->squared ? 2 * difference : sign;
    a->d_predictions[i] = (float)((double)a->d_errors[i] * a->weights[i] * slope);
  }
}
