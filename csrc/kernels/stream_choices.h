// Rows and states of the choices of one token per stream.
#ifndef LMN_STREAM_CHOICES_H
#define LMN_STREAM_CHOICES_H

#include "CLMN.h"

/// Row of choice `j`.
static inline size_t lmn_choice_row(const lmn_stream_choices *c, size_t stream, size_t j) {
  return c->places ? (size_t)c->places[stream * c->choices + j] : stream;
}

/// Index of the memory of choice `j`, of those of all streams.
static inline size_t lmn_choice_memory(const lmn_stream_choices *c, size_t stream, size_t j) {
  const size_t memory = j < c->routed ? (size_t)c->chosen[stream * c->routed + j] : c->memories - 1;
  return stream * c->memories + memory;
}

#endif
