#include "kernels/units.h"

void row_copy_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_row_copy *a = args;
  for (size_t r = begin; r < end; r++) {
    const size_t source = a->source_rows ? (size_t)a->source_rows[r] : r;
    const size_t target = a->target_rows ? (size_t)a->target_rows[r] : r;
    for (size_t e = 0; e < a->width; e++)
      a->target[target * a->width + e] = a->source[source * a->width + e];
  }
}
