#include <math.h>

#include "kernels/units.h"

void sinusoid_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_sinusoid *a = args;
  const double full_turn = 6.283185307179586;
  for (size_t r = begin; r < end; r++)
    for (size_t e = 0; e < a->width; e++) {
      const double turns = (double)a->positions[r] * a->frequencies[e / 2];
      const double angle = full_turn * (turns - rint(turns));
      a->encodings[r * a->width + e] = (float)(e % 2 ? cos(angle) : sin(angle));
    }
}
