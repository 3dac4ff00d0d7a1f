#include <math.h>

#include "kernels/units.h"

static void update(const lmn_adamw *a, double gradient, float *value, float *first, float *second) {
  const double g = gradient * a->gradient_scale;
  const double f = (double)a->beta1 * *first + (1.0 - a->beta1) * g;
  const double s = (double)a->beta2 * *second + (1.0 - a->beta2) * g * g;
  const double decayed = *value * (1.0 - (double)a->learning_rate * a->weight_decay);
  const double step = f / a->correction1 / (sqrt(s / a->correction2) + a->epsilon);
  *first = (float)f;
  *second = (float)s;
  *value = (float)(decayed - a->learning_rate * step);
}

void adamw_update_reference(const void *args, size_t begin, size_t end) {
  const lmn_adamw *a = args;
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++)
    update(a, a->gradient[i], a->value + i, a->first + i, a->second + i);
}

void adamw_rows_update_reference(const void *args, size_t begin, size_t end) {
  const lmn_adamw_rows *a = args;
  for (size_t m = begin; m < end; m++)
    for (size_t e = 0; e < a->width; e++) {
      const size_t i = (size_t)a->rows[m] * a->width + e;
      update(&a->step, a->step.gradient[m * a->width + e], a->step.value + i, a->step.first + i,
             a->step.second + i);
    }
}
