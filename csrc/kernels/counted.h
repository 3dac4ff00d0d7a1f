// Counted values of a row: those with a target of at least 0, or all without targets.
#ifndef LMN_COUNTED_H
#define LMN_COUNTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline const int32_t *lmn_targets_of_row(const int32_t *targets, size_t columns,
                                                size_t row) {
  return targets ? targets + row * columns : NULL;
}

static inline bool lmn_counts(const int32_t *targets, size_t column) {
  return !targets || targets[column] >= 0;
}

static inline size_t lmn_counted(const int32_t *targets, size_t columns) {
  size_t counted = 0;
  for (size_t c = 0; c < columns; c++) counted += lmn_counts(targets, c);
  return counted;
}

#endif
