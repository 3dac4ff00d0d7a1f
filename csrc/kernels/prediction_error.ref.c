#include <math.h>

#include "kernels/units.h"

void prediction_error_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_prediction_error *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const double difference = (double)a->predictions[i] - a->targets[i];
    a->errors[i] =
        (float)(a->weights[i] * (a->squared ? difference * difference : fabs(difference)));
  }
}

void prediction_error_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_prediction_error_grad *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const double difference = (double)a->predictions[i] - a->targets[i];
    const double sign = difference > 0 ? 1 : difference < 0 ? -1 : 0;
    const double slope = a->squared ? 2 * difference : sign;
    a->d_predictions[i] = (float)((double)a->d_errors[i] * a->weights[i] * slope);
  }
}
