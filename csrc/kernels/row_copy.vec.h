#ifndef LMN_ROW_COPY_VEC_H
#define LMN_ROW_COPY_VEC_H

#include <string.h>

#include "isa/kernel.h"

// target[target_rows[r]] = source[source_rows[r]]
KERNEL(row_copy_forward) {
  const lmn_row_copy *a = args;
  const size_t bytes = a->width * sizeof(float);
  if (!a->source_rows && !a->target_rows) {
    memcpy(a->target + begin * a->width, a->source + begin * a->width, (end - begin) * bytes);
    return;
  }
  for (size_t r = begin; r < end; r++) {
    const size_t source = a->source_rows ? (size_t)a->source_rows[r] : r;
    const size_t target = a->target_rows ? (size_t)a->target_rows[r] : r;
    memcpy(a->target + target * a->width, a->source + source * a->width, bytes);
  }
}

#endif
