#ifndef LMN_LINEAR_RECURRENCE_STEP_VEC_H
#define LMN_LINEAR_RECURRENCE_STEP_VEC_H

#include "kernels/linear_recurrence.vec.h"
#include "kernels/stream_choices.h"

/// One token of one head: rows of the arguments.
typedef struct {
  const float *q, *k, *v;
  float beta, *factors;  // of the rows of the state, NULL for none
} recurrence_token;

/// Updates some columns of a state, and reads it.
LMN_INLINE void recurrence_step_columns(const recurrence_token *t, size_t K, size_t V,
                                        const bool has_error, size_t lanes, float *state,
                                        size_t column, float *output) {
  vec written = vec_load(t->v + column, lanes), sum = vec_set(0);
  state += column;
  if (has_error) {
    vec read = vec_set(0);
    for (size_t d = 0; d < K; d++) {
      const vec row = vec_load(state + d * V, lanes);
      const vec old = t->factors ? vec_mul(vec_set(t->factors[d]), row) : row;
      read = vec_fma(vec_set(t->k[d]), old, read);
    }
    written = vec_mul(vec_set(t->beta), vec_sub(written, read));
  }
  for (size_t d = 0; d < K; d++) {
    const vec row = vec_load(state + d * V, lanes);
    const vec old = t->factors ? vec_mul(vec_set(t->factors[d]), row) : row;
    const vec changed = vec_fma(vec_set(t->k[d]), written, old);
    vec_store(state + d * V, changed, lanes);
    sum = vec_fma(vec_set(t->q[d]), changed, sum);
  }
  vec_store(output + column, sum, lanes);
}

// Per head of a stream: the chosen memories.
KERNEL(linear_recurrence_step_forward) {
  const lmn_linear_recurrence_step *a = args;
  const lmn_stream_choices *c = &a->choices;
  const size_t H = a->heads, K = a->key_width, V = a->value_width;
  float factors[LMN_MOST_HEAD_WIDTH];
  for (size_t unit = begin; unit < end; unit++) {
    const size_t stream = unit / H, head = unit % H;
    for (size_t j = 0; j < c->choices; j++) {
      const size_t at = lmn_choice_row(c, stream, j) * H + head;
      float *state = a->states + (lmn_choice_memory(c, stream, j) * H + head) * K * V;
      if (a->decay)
        for (size_t d = 0; d < K; d += VEC_LANES) {
          const size_t lanes = vec_lanes(K - d);
          const vec decay =
              a->decay_width == 1 ? vec_set(a->decay[at]) : vec_load(a->decay + at * K + d, lanes);
          vec_store(factors + d, recurrence_factor(decay), lanes);
        }
      const recurrence_token t = {a->queries + at * K, a->keys + at * K, a->values + at * V,
                                  a->beta ? a->beta[at] : 1, a->decay ? factors : NULL};
      for (size_t v = 0; v < V; v += VEC_LANES) {
        const size_t lanes = vec_lanes(V - v);
        if (a->beta)
          recurrence_step_columns(&t, K, V, true, lanes, state, v, a->output + at * V);
        else
          recurrence_step_columns(&t, K, V, false, lanes, state, v, a->output + at * V);
      }
    }
  }
}

#endif
