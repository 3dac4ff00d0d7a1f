// Segments and chunks of a linear recurrence.
#ifndef LMN_LINEAR_RECURRENCE_H
#define LMN_LINEAR_RECURRENCE_H

#include "kernels/units.h"

/// One head of one segment: a unit of work, numbered by head, then segment.
typedef struct lmn_recurrence_unit {
  size_t row, end;  // rows of the segment
  size_t head;
  size_t state;  // index of the state, of those of all segments and heads
  size_t slot;   // of the first chunk
} lmn_recurrence_unit;

static inline lmn_recurrence_unit lmn_recurrence_unit_at(const lmn_linear_recurrence *a,
                                                         size_t unit) {
  const size_t segment = unit % a->segments, head = unit / a->segments;
  const size_t row = a->offsets ? (size_t)a->offsets[segment] : 0;
  return (lmn_recurrence_unit){
      .row = row,
      .end = a->offsets ? (size_t)a->offsets[segment + 1] : a->rows,
      .head = head,
      .state = segment * a->heads + head,
      // Slots of segments do not overlap: a segment has at most one chunk that is not full.
      .slot = row / a->chunk + segment,
  };
}

/// Values of one state.
static inline size_t lmn_recurrence_state_size(const lmn_linear_recurrence *a) {
  return a->key_width * a->value_width;
}

/// The state before a chunk.
static inline float *lmn_chunk_state(const lmn_linear_recurrence *a, lmn_recurrence_unit u,
                                     size_t row) {
  const size_t slot = u.slot + (row - u.row) / a->chunk;
  return a->chunk_states + (slot * a->heads + u.head) * lmn_recurrence_state_size(a);
}

#endif
