#include "kernels/units.h"

void transpose_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_transpose *a = args;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t m = unit / a->columns, c = unit % a->columns;
    for (size_t r = 0; r < a->rows; r++)
      a->transposed[(m * a->columns + c) * a->rows + r] =
          a->matrix[(m * a->rows + r) * a->columns + c];
  }
}
