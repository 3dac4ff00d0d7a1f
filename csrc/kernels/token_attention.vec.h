// Attention extended to tokens. The slots attended to before count as one, with the log-normalizer
// as its score and the output as its value.
#ifndef LMN_TOKEN_ATTENTION_VEC_H
#define LMN_TOKEN_ATTENTION_VEC_H

#include <math.h>
#include <string.h>

#include "isa/kernel.h"
#include "kernels/single_vector_attention.vec.h"
#include "kernels/single_vector_attention_step.vec.h"
#include "kernels/single_vector_attention_view.vec.h"

/// Block of tokens that a position sees, from index `*place` of its list, at most ATTENTION_SLOTS.
typedef struct {
  attention_rows rows;
  size_t places[ATTENTION_SLOTS];  // index of each token in the list
} token_attention_view;

LMN_INLINE void token_attention_view_next(attention_shape f, token_attention_view *view,
                                          const int32_t *seen, size_t places, size_t *place,
                                          const int32_t *token_rows, const float *slots,
                                          size_t width) {
  view->rows.count = 0;
  for (; *place < places && view->rows.count < ATTENTION_SLOTS; ++*place) {
    const int32_t token = seen[*place];
    if (token < 0) continue;
    view->places[view->rows.count] = *place;
    rows_add(&view->rows, slots + (size_t)token_rows[token] * 2 * width);
  }
  if (view->rows.count) rows_fill_tile(f, &view->rows);
}

/// Adds the gates of the tokens, and the biases of their places from `bias` on, to their scores.
LMN_INLINE void token_attention_view_terms(attention_shape f, const token_attention_view *view,
                                           const int32_t *seen, const float *gates,
                                           const float *bias, size_t heads, float *scores) {
  if (!gates && !bias) return;
  for (size_t s = 0; s < rows_dots(f, &view->rows) / f.heads; s++) {
    const size_t place = view->places[lmn_min(s, view->rows.count - 1)];
    vec score = vec_load(scores + s * f.heads, f.heads);
    if (gates) score = vec_add(score, vec_set(gates[seen[place]]));
    if (bias) score = vec_add(score, vec_load(bias + place * heads, lmn_min(f.heads, f.lanes)));
    vec_store(scores + s * f.heads, score, f.heads);
  }
}

// output = (exp(log_normalizer) * output + sum over s of exp(score[s]) * value[s]) / normalizer
LMN_INLINE void token_attention_output(attention_shape f, const lmn_token_attention *a, size_t head,
                                       size_t begin, size_t end) {
  const size_t E = a->width, used = lmn_min(f.heads, f.lanes);
  const float scale = 1 / sqrtf((float)(E / a->heads));
  const float *bias = a->bias ? a->bias + head : NULL;
  for (size_t t = begin; t < end; t++) {
    const int32_t *seen = a->seen + t * a->places;
    float *log_normalizer = a->log_normalizer + t * a->heads + head;
    ATTENTION_ALIGNED float before[VEC_LANES];
    vec_store(before, vec_load(log_normalizer, used), f.heads);
    row_softmax softmax = {vec_repeat(before, f.heads), vec_set(1)};
    size_t place = 0;
    while (place < a->places) {
      ATTENTION_ALIGNED float scores[ATTENTION_SLOTS * VEC_LANES];
      token_attention_view view;
      token_attention_view_next(f, &view, seen, a->places, &place, a->rows, a->slots + head, E);
      row_dots(f, a->keys + t * E + head, &view.rows, scale, scores);
      token_attention_view_terms(f, &view, seen, a->gates, bias, a->heads, scores);
      row_softmax_add(f, &softmax, &view.rows, E, scores, false, place == a->places,
                      a->output + t * E + head);
    }
    vec_store(log_normalizer, vec_add(softmax.largest, vec_log(softmax.normalizer)), used);
  }
}

ATTENTION_KERNEL(token_attention_forward, lmn_token_attention, token_attention_output)

/// Weights and the cotangents of their scores, for a block of rows with one log-normalizer and one
/// cotangent of it, or one of each per row:
///   weight = exp(score - log_normalizer),  d_score = weight * (d_weight - d_normalizer)
LMN_INLINE void row_softmax_backward(size_t dots, const float *log_normalizer,
                                     const float *d_normalizer, size_t step, float *scores,
                                     float *d_weights) {
  for (size_t i = 0; i < dots; i += VEC_LANES) {
    const vec top = vec_load(log_normalizer + i * step, VEC_LANES);
    const vec mean = vec_load(d_normalizer + i * step, VEC_LANES);
    const vec weight = vec_exp(vec_sub(vec_load(scores + i, VEC_LANES), top));
    vec_store(scores + i, weight, VEC_LANES);
    vec_store(d_weights + i, vec_mul(weight, vec_sub(vec_load(d_weights + i, VEC_LANES), mean)),
              VEC_LANES);
  }
}

/// Adds the cotangents of scores to those of the biases of the places.
LMN_INLINE void token_attention_view_bias(attention_shape f, const token_attention_view *view,
                                          const float *d_scores, size_t heads, float *d_bias) {
  const size_t used = lmn_min(f.heads, f.lanes);
  for (size_t s = 0; s < view->rows.count; s++) {
    float *sum = d_bias + view->places[s] * heads;
    vec_store(sum, vec_add(vec_load(sum, used), vec_load(d_scores + s * f.heads, used)), used);
  }
}

// d_key += sum over s of d_score[s] * query[s];  d_bias[x] = sum over t of d_score[t, x]
// `biased`, a constant, is whether there is a bias.
LMN_INLINE void token_attention_keys_and_bias(attention_shape f, const bool biased,
                                              const lmn_token_attention_grad *a, size_t head,
                                              size_t begin, size_t end) {
  const size_t E = a->width, used = lmn_min(f.heads, f.lanes), biases = a->places * a->heads;
  const float scale = 1 / sqrtf((float)(E / a->heads));
  const float *bias = biased ? a->bias + head : NULL;
  float *partial = a->partial_bias;
  if (biased && head == 0)
    memset(partial + begin * biases, 0, (end - begin) * biases * sizeof *partial);
  const size_t last = lmn_min(end * LMN_TOKEN_ATTENTION_BLOCK, a->length);
  for (size_t t = begin * LMN_TOKEN_ATTENTION_BLOCK; t < last; t++) {
    const int32_t *seen = a->seen + t * a->places;
    const float *d_output = a->d_output + t * E + head;
    ATTENTION_ALIGNED float top[VEC_LANES], mean[ATTENTION_ROW];
    attention_rows output;
    output.count = 0;
    rows_add(&output, a->output + t * E + head);
    rows_fill_tile(f, &output);
    row_dots(f, d_output, &output, 1, mean);
    vec_store(mean, vec_repeat(mean, f.heads), VEC_LANES);
    vec_store(top, vec_load(a->log_normalizer + t * a->heads + head, used), f.heads);
    vec_store(top, vec_repeat(top, f.heads), VEC_LANES);
    for (size_t place = 0; place < a->places;) {
      ATTENTION_ALIGNED float scores[ATTENTION_SLOTS * VEC_LANES],
          d_scores[ATTENTION_SLOTS * VEC_LANES];
      token_attention_view view;
      token_attention_view_next(f, &view, seen, a->places, &place, a->rows, a->slots + head, E);
      attention_rows values;
      values.count = 0;
      for (size_t s = 0; s < view.rows.count; s++) rows_add(&values, view.rows.rows[s] + E);
      if (values.count) rows_fill_tile(f, &values);
      row_dots(f, a->keys + t * E + head, &view.rows, scale, scores);
      row_dots(f, d_output, &values, 1, d_scores);
      token_attention_view_terms(f, &view, seen, a->gates, bias, a->heads, scores);
      row_softmax_backward(rows_dots(f, &view.rows), top, mean, 0, scores, d_scores);
      if (biased)
        token_attention_view_bias(f, &view, d_scores, a->heads,
                                  partial + t / LMN_TOKEN_ATTENTION_BLOCK * biases + head);
      for (size_t i = 0; i < rows_dots(f, &view.rows); i += VEC_LANES)
        vec_store(d_scores + i, vec_mul(vec_load(d_scores + i, VEC_LANES), vec_set(scale)),
                  VEC_LANES);
      row_sums(f, &view.rows, 0, d_scores, false, vec_set(1), vec_set(1), a->d_keys + t * E + head);
    }
  }
}

LMN_INLINE void token_attention_keys(attention_shape f, const lmn_token_attention_grad *a,
                                     size_t head, size_t begin, size_t end) {
  if (a->bias)
    token_attention_keys_and_bias(f, true, a, head, begin, end);
  else
    token_attention_keys_and_bias(f, false, a, head, begin, end);
}

ATTENTION_KERNEL(token_attention_backward_keys, lmn_token_attention_grad, token_attention_keys)

/// Place of a token that a position sees, given its place at the position before: in a window, the
/// next one.
LMN_INLINE size_t token_place(const int32_t *seen, size_t places, size_t token, size_t place) {
  while (seen[place] != (int32_t)token) place = place + 1 < places ? place + 1 : 0;
  return place;
}

// d_query += sum over t of d_score[t] * key[t];  d_value += sum over t of weight[t] * d_output[t]
// d_gate = sum over t and heads of d_score[t]
LMN_INLINE void token_attention_slots(attention_shape f, const lmn_token_attention_grad *a,
                                      size_t head, size_t begin, size_t end) {
  const size_t E = a->width, used = lmn_min(f.heads, f.lanes);
  const float scale = 1 / sqrtf((float)(E / a->heads));
  for (size_t token = begin; token < end; token++) {
    const size_t first = (size_t)a->audience[2 * token], last = (size_t)a->audience[2 * token + 1];
    const float *slot = a->slots + (size_t)a->rows[token] * 2 * E + head;
    float *d_slot = a->d_slots + (size_t)a->rows[token] * 2 * E + head;
    vec d_gate = vec_set(0);
    size_t place = 0;
    for (size_t t = first; t < last; t += ATTENTION_SLOTS) {
      const size_t count = lmn_min(last - t, ATTENTION_SLOTS);
      ATTENTION_ALIGNED float scores[ATTENTION_SLOTS * VEC_LANES],
          d_scores[ATTENTION_SLOTS * VEC_LANES], top[ATTENTION_SLOTS * VEC_LANES],
          mean[ATTENTION_SLOTS * VEC_LANES];
      attention_rows keys, d_outputs, outputs;
      keys.count = d_outputs.count = outputs.count = 0;
      for (size_t s = t; s < t + count; s++) {
        rows_add(&keys, a->keys + s * E + head);
        rows_add(&d_outputs, a->d_output + s * E + head);
        rows_add(&outputs, a->output + s * E + head);
      }
      rows_fill_tile(f, &keys);
      rows_fill_tile(f, &d_outputs);
      rows_fill_tile(f, &outputs);
      row_dots(f, slot, &keys, scale, scores);
      row_dots(f, slot + E, &d_outputs, 1, d_scores);
      const size_t dots = rows_dots(f, &keys);
      for (size_t s = 0; s < dots / f.heads; s++) {
        const size_t position = t + lmn_min(s, count - 1);
        vec less = vec_load(a->log_normalizer + position * a->heads + head, used);
        if (a->bias) {
          // A bias of the score is as much less of the log-normalizer.
          place = token_place(a->seen + position * a->places, a->places, token, place);
          less = vec_sub(less, vec_load(a->bias + place * a->heads + head, used));
        }
        vec_store(top + s * f.heads, less, f.heads);
      }
      for (size_t s = 0; s < count; s += tile_size(f))
        head_dots_tile(f, 1, true,
                       &(head_dots_operands){outputs.rows + s, 0, 0, d_outputs.rows + s, 1,
                                             mean + s * f.heads});
      for (size_t i = 0; a->gates && i < dots; i += VEC_LANES)
        vec_store(scores + i, vec_add(vec_load(scores + i, VEC_LANES), vec_set(a->gates[token])),
                  VEC_LANES);
      row_softmax_backward(dots, top, mean, 1, scores, d_scores);
      for (size_t s = 0; s < count; s++)
        d_gate = vec_add(d_gate, vec_load(d_scores + s * f.heads, used));
      for (size_t i = 0; i < dots; i += VEC_LANES)
        vec_store(d_scores + i, vec_mul(vec_load(d_scores + i, VEC_LANES), vec_set(scale)),
                  VEC_LANES);
      row_sums(f, &keys, 0, d_scores, false, vec_set(1), vec_set(1), d_slot);
      row_sums(f, &d_outputs, 0, scores, false, vec_set(1), vec_set(1), d_slot + E);
    }
    if (a->gates) {
      const float sum = vec_sum(vec_first(d_gate, used, 0));
      a->d_gates[token] = head ? a->d_gates[token] + sum : sum;
    }
  }
}

ATTENTION_KERNEL(token_attention_backward_slots, lmn_token_attention_grad, token_attention_slots)

#endif
