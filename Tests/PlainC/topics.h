// Computations of every topic of CLMN.h, each in the file of its name.
#pragma once

#include "CLMN.h"
#include "outcome.h"

/// Size of a vocabulary; sizes of a mixture of memories, one of which receives every token.
enum { V = 31, MEMORIES = 4, ROUTED = 2, CHOICES = ROUTED + 1, SEGMENTS = MEMORIES + 1 };

/// A part of a stream and the tree that is built over it.
typedef struct {
  const char *name;
  size_t width, heads, start, length;
  lmn_tree_shape shape;
  size_t sources;  // of an affine summary
  bool biases;     // per level, and per place of the window
  size_t pinned;
} computation;

/// Adds the results of one topic.
typedef void runner(lmn_context, const computation *, outcome *);

runner run_matrices, run_large_gradient, run_norms, run_activations, run_embedding, run_rotary,
    run_summaries, run_tree_attention, run_causal_attention, run_segment_attention, run_slot_write,
    run_state_space, run_training;

/// Routing of tokens to memories.
typedef struct {
  int32_t *chosen, *offsets;
  lmn_choices choices;
} mixture;

/// Routes L tokens.
mixture route(lmn_context, size_t L, outcome *);

/// Choices of the first tokens, one of each stream.
lmn_stream_choices stream_choices(const mixture *, size_t streams, outcome *);

/// Adds the results of one topic for routed tokens, at least 4.
typedef void routed_runner(lmn_context, const computation *, const mixture *, outcome *);

routed_runner run_routing, run_convolution, run_linear_recurrence;
