#include <math.h>

#include "kernels/units.h"

void adamw_update_reference(const void *args, size_t begin, size_t end) {
  const lmn_adamw *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const double g = (double)a->gradient[i] * a->gradient_scale;
    const double first = (double)a->beta1 * a->first[i] + (1.0 - a->beta1) * g;
    const double second = (double)a->beta2 * a->second[i] + (1.0 - a->beta2) * g * g;
    const double decayed = a->value[i] * (1.0 - (double)a->learning_rate * a->weight_decay);
    const double step = first / a->correction1 / (sqrt(second / a->correction2) + a->epsilon);
    a->first[i] = (float)first;
    a->second[i] = (float)second;
    a->value[i] = (float)(decayed - a->learning_rate * step);
  }
}
