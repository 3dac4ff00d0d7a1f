// Segments of a short convolution.
#ifndef LMN_SHORT_CONV_H
#define LMN_SHORT_CONV_H

#include "kernels/units.h"

/// Rows of one segment and of its history.
typedef struct lmn_conv_segment {
  size_t row, count;
  size_t history;  // index of its first row in the history
} lmn_conv_segment;

static inline lmn_conv_segment lmn_conv_segment_at(const lmn_short_conv *a, size_t segment) {
  const size_t row = a->offsets ? (size_t)a->offsets[segment] : 0;
  const size_t end = a->offsets ? (size_t)a->offsets[segment + 1] : a->rows;
  return (lmn_conv_segment){row, end - row, segment * (a->taps_count - 1)};
}

/// Input of row `i` of a segment, counted from the first row of its history.
static inline const float *lmn_conv_input(const lmn_short_conv *a, lmn_conv_segment s, size_t i) {
  const size_t before = a->taps_count - 1;
  return i < before ? a->history + (s.history + i) * a->width
                    : a->x + (s.row + i - before) * a->width;
}

#endif
