#include <math.h>

#include "kernels/units.h"

void rotary_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_rotary *a = args;
  const size_t D = a->head_width, half = D / 2;
  const double full_turn = a->inverse ? -6.283185307179586 : 6.283185307179586;
  for (size_t r = begin; r < end; r++) {
    const float *x = a->x + r * a->width;
    float *rotated = a->rotated + r * a->width;
    for (size_t e = 0; e < a->heads * D; e++) {
      const size_t i = e % D;
      const double turns = (double)a->positions[r] * a->frequencies[i % half];
      const double angle = full_turn * (turns - rint(turns));
      rotated[e] = (float)(i < half ? x[e] * cos(angle) - x[e + half] * sin(angle)
                                    : x[e] * cos(angle) + x[e - half] * sin(angle));
    }
    for (size_t e = a->heads * D; e < a->width; e++) rotated[e] = x[e];
  }
}
