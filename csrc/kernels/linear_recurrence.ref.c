#include <math.h>

#include "kernels/linear_recurrence.h"
#include "kernels/stream_choices.h"

/// Most values of a state.
enum { STATE = LMN_MOST_HEAD_WIDTH * LMN_MOST_HEAD_WIDTH };

/// Rows of one token, of one head.
typedef struct {
  const float *q, *k, *v, *decay;
  double beta;
  size_t decays;  // 0: none, 1: of the state, key_width: of its rows
} token;

static token token_at(const lmn_linear_recurrence *a, size_t row, size_t head) {
  const size_t at = row * a->heads + head, decays = a->decay ? a->decay_width : 0;
  return (token){
      .q = a->queries + at * a->key_width,
      .k = a->keys + at * a->key_width,
      .v = a->values + at * a->value_width,
      .decay = a->decay ? a->decay + at * decays : NULL,
      .beta = a->beta ? a->beta[at] : 1,
      .decays = decays,
  };
}

static double factor(const token *t, size_t d) {
  return t->decays == 0 ? 1 : exp(t->decay[t->decays == 1 ? 0 : d]);
}

/// Error of value `v`: v - k . state, of the decayed state; without a delta rule the value itself.
static double error_of(const lmn_linear_recurrence *a, const token *t, const double *state,
                       size_t v) {
  double error = t->v[v];
  if (a->beta)
    for (size_t d = 0; d < a->key_width; d++) error -= t->k[d] * state[d * a->value_width + v];
  return error;
}

/// Decays the state and writes a token to it; stores the errors, if there is an array for them.
static void update(const lmn_linear_recurrence *a, const token *t, double *state, float *errors) {
  const size_t K = a->key_width, V = a->value_width;
  for (size_t d = 0; d < K; d++) {
    const double f = factor(t, d);
    for (size_t v = 0; v < V; v++) state[d * V + v] *= f;
  }
  for (size_t v = 0; v < V; v++) {
    const double error = error_of(a, t, state, v);
    if (errors) errors[v] = (float)error;
    for (size_t d = 0; d < K; d++) state[d * V + v] += t->k[d] * t->beta * error;
  }
}

void linear_recurrence_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_linear_recurrence *a = args;
  const size_t K = a->key_width, V = a->value_width;
  double state[STATE];
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_recurrence_unit u = lmn_recurrence_unit_at(a, unit);
    for (size_t i = 0; i < K * V; i++) state[i] = a->state[u.state * K * V + i];
    for (size_t row = u.row; row < u.end; row++) {
      if (a->chunk_states && (row - u.row) % a->chunk == 0)
        for (size_t i = 0; i < K * V; i++) lmn_chunk_state(a, u, row)[i] = (float)state[i];
      const token t = token_at(a, row, u.head);
      const size_t at = (row * a->heads + u.head) * V;
      update(a, &t, state, a->beta ? a->errors + at : NULL);
      for (size_t v = 0; v < V; v++) {
        double sum = 0;
        for (size_t d = 0; d < K; d++) sum += t.q[d] * state[d * V + v];
        a->output[at + v] = (float)sum;
      }
    }
    for (size_t i = 0; i < K * V; i++) a->next_state[u.state * K * V + i] = (float)state[i];
  }
}

void linear_recurrence_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_linear_recurrence_grad *g = args;
  const lmn_linear_recurrence *a = &g->forward;
  const size_t K = a->key_width, V = a->value_width;
  double state[STATE], d_state[STATE];
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_recurrence_unit u = lmn_recurrence_unit_at(a, unit);
    for (size_t i = 0; i < K * V; i++) d_state[i] = g->d_next_state[u.state * K * V + i];
    for (size_t row = u.end; row-- > u.row;) {
      // The decayed state before this token, from that before the chunk.
      const size_t first = row - (row - u.row) % a->chunk;
      for (size_t i = 0; i < K * V; i++) state[i] = lmn_chunk_state(a, u, row)[i];
      for (size_t before = first; before < row; before++) {
        const token t = token_at(a, before, u.head);
        update(a, &t, state, NULL);
      }
      const token t = token_at(a, row, u.head);
      for (size_t i = 0; i < K * V; i++) state[i] *= factor(&t, i / V);
      const size_t at = row * a->heads + u.head;
      const float *d_output = g->d_output + at * V;
      double d_query[LMN_MOST_HEAD_WIDTH] = {0}, d_key[LMN_MOST_HEAD_WIDTH] = {0}, d_beta = 0;
      for (size_t v = 0; v < V; v++) {
        const double e = error_of(a, &t, state, v);
        double d_written = 0;
        for (size_t d = 0; d < K; d++) {
          d_query[d] += (state[d * V + v] + t.k[d] * t.beta * e) * d_output[v];
          d_state[d * V + v] += (double)t.q[d] * d_output[v];
          d_written += t.k[d] * d_state[d * V + v];
          d_key[d] += d_state[d * V + v] * t.beta * e;
        }
        d_beta += d_written * e;
        const double d_error = t.beta * d_written;
        g->d_values[at * V + v] = (float)d_error;
        if (!a->beta) continue;
        for (size_t d = 0; d < K; d++) {
          d_key[d] -= state[d * V + v] * d_error;
          d_state[d * V + v] -= t.k[d] * d_error;
        }
      }
      for (size_t d = 0; d < K; d++) {
        g->d_queries[at * K + d] = (float)d_query[d];
        g->d_keys[at * K + d] = (float)d_key[d];
      }
      if (a->beta) g->d_beta[at] = (float)d_beta;
      double d_decay = 0;
      for (size_t d = 0; d < K; d++) {
        for (size_t v = 0; v < V; v++) {
          d_decay += d_state[d * V + v] * state[d * V + v];
          d_state[d * V + v] *= factor(&t, d);
        }
        if (t.decays > 1) {
          g->d_decay[at * K + d] = (float)d_decay;
          d_decay = 0;
        }
      }
      if (t.decays == 1) g->d_decay[at] = (float)d_decay;
    }
    for (size_t i = 0; i < K * V; i++) g->d_state[u.state * K * V + i] = (float)d_state[i];
  }
}

void linear_recurrence_step_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_linear_recurrence_step *a = args;
  const lmn_stream_choices *c = &a->choices;
  const size_t H = a->heads, K = a->key_width, V = a->value_width;
  const size_t decays = a->decay ? a->decay_width : 0;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t stream = unit / H, head = unit % H;
    for (size_t j = 0; j < c->choices; j++) {
      const size_t at = lmn_choice_row(c, stream, j) * H + head;
      float *state = a->states + (lmn_choice_memory(c, stream, j) * H + head) * K * V;
      const float *q = a->queries + at * K, *k = a->keys + at * K;
      for (size_t v = 0; v < V; v++) {
        double column[LMN_MOST_HEAD_WIDTH], written = a->values[at * V + v], output = 0;
        for (size_t d = 0; d < K; d++) {
          const double f = decays ? exp(a->decay[at * decays + (decays == 1 ? 0 : d)]) : 1;
          column[d] = state[d * V + v] * f;
          if (a->beta) written -= k[d] * column[d];
        }
        if (a->beta) written *= a->beta[at];
        for (size_t d = 0; d < K; d++) {
          column[d] += k[d] * written;
          output += q[d] * column[d];
          state[d * V + v] = (float)column[d];
        }
        a->output[at * V + v] = (float)output;
      }
    }
  }
}
