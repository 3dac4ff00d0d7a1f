#include <math.h>

#include "kernels/segment_attention.h"

/// Keys and values that a query attends to, slots of its segment before tokens, and its biases.
typedef struct {
  size_t slots, count;
  size_t first_token;  // row of the segment's first token
  const float *slot_kv, *token_kv;
  const float *bias;
  size_t i;  // token of the query, in its segment
} view;

static double dot(const float *a, const float *b, size_t D) {
  double sum = 0;
  for (size_t i = 0; i < D; i++) sum += (double)a[i] * b[i];
  return sum;
}

/// Keys, values and biases for head h of query t.
static view view_of(const lmn_segment_attention *a, size_t h, size_t t) {
  const size_t S = a->segment, E = a->width, g = (a->before + t) / S, i = (a->before + t) % S;
  size_t tokens = a->token_kv ? lmn_segment_count(a->counts, a->before + a->length, S, g) : 0;
  if (a->is_causal) tokens = lmn_min(tokens, i + 1);
  const size_t f = h * (E / a->heads);
  return (view){
      .slots = a->slots,
      .count = a->slots + tokens,
      .first_token = g * S,
      .slot_kv = a->slots ? a->slot_kv + g * a->slots * 2 * E + f : NULL,
      .token_kv = a->token_kv ? a->token_kv + g * S * 2 * E + f : NULL,
      .bias = a->bias ? a->bias + h * lmn_segment_distances(a->is_causal, S) : NULL,
      .i = i,
  };
}

/// Key of the p-th of a view; its value is E after it.
static const float *key_of(const view *v, size_t E, size_t p) {
  return p < v->slots ? v->slot_kv + p * 2 * E : v->token_kv + (p - v->slots) * 2 * E;
}

static double score_of(const lmn_segment_attention *a, const view *v, const float *query,
                       size_t p) {
  const double product = a->scale * dot(query, key_of(v, a->width, p), a->width / a->heads);
  if (p < v->slots || !v->bias) return product;
  return product + v->bias[lmn_segment_distance(a->is_causal, a->segment, v->i, p - v->slots)];
}

static void attend(const lmn_segment_attention *a, size_t h, size_t t) {
  const size_t E = a->width, D = E / a->heads;
  const view v = view_of(a, h, t);
  const float *query = a->queries + t * E + h * D;
  double largest = -INFINITY, normalizer = 0, sums[LMN_MOST_HEAD_WIDTH] = {0};
  for (size_t p = 0; p < v.count; p++) largest = fmax(largest, score_of(a, &v, query, p));
  for (size_t p = 0; p < v.count; p++) {
    const double weight = exp(score_of(a, &v, query, p) - largest);
    normalizer += weight;
    for (size_t e = 0; e < D; e++) sums[e] += weight * key_of(&v, E, p)[E + e];
  }
  for (size_t e = 0; e < D; e++)
    a->output[t * E + h * D + e] = v.count ? (float)(sums[e] / normalizer) : 0;
  a->log_normalizer[t * a->heads + h] = v.count ? (float)(largest + log(normalizer)) : 0;
}

void segment_attention_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_segment_attention *a = args;
  const size_t S = a->segment, blocks = lmn_units(S, LMN_QUERY_BLOCK);
  const size_t segments = lmn_segments(a->before, a->length, S);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t h = unit / (segments * blocks), g = unit / blocks % segments;
    const size_t first = unit % blocks * LMN_QUERY_BLOCK;
    for (size_t i = first; i < lmn_min(first + LMN_QUERY_BLOCK, S); i++)
      if (g * S + i >= a->before && g * S + i < a->before + a->length)
        attend(a, h, g * S + i - a->before);
  }
}

/// Weight of the p-th of a view for a query, and the cotangent of its score.
static void pair_backward(const lmn_segment_attention_grad *a, const lmn_segment_attention *f,
                          const view *v, size_t h, size_t t, size_t p, double *weight,
                          double *d_score) {
  const size_t E = a->width, D = E / a->heads, at = t * E + h * D;
  *weight = exp(score_of(f, v, a->queries + at, p) - a->log_normalizer[t * a->heads + h]);
  *d_score = *weight * (dot(key_of(v, E, p) + E, a->d_output + at, D) -
                        dot(a->output + at, a->d_output + at, D));
}

/// Cotangent of key and value `row` of an array, which is the p-th of the views of queries [first,
/// last).
static void row_backward(const lmn_segment_attention_grad *a, const lmn_segment_attention *f,
                         size_t h, size_t p, size_t first, size_t last, float *row) {
  const size_t E = a->width, D = E / a->heads;
  double d_key[LMN_MOST_HEAD_WIDTH] = {0}, d_value[LMN_MOST_HEAD_WIDTH] = {0}, weight, d_score;
  for (size_t t = first; t < last; t++) {
    const view v = view_of(f, h, t);
    if (p >= v.count) continue;
    pair_backward(a, f, &v, h, t, p, &weight, &d_score);
    for (size_t e = 0; e < D; e++) {
      d_key[e] += a->scale * d_score * a->queries[t * E + h * D + e];
      d_value[e] += weight * a->d_output[t * E + h * D + e];
    }
  }
  for (size_t e = 0; e < D; e++) {
    row[h * D + e] = (float)d_key[e];
    row[E + h * D + e] = (float)d_value[e];
  }
}

static void bias_backward(const lmn_segment_attention_grad *a, const lmn_segment_attention *f,
                          size_t h) {
  const size_t distances = lmn_segment_distances(a->is_causal, a->segment);
  double sums[2 * LMN_MOST_SEGMENT] = {0}, weight, d_score;
  for (size_t t = 0; t < a->length; t++) {
    const view v = view_of(f, h, t);
    for (size_t p = a->slots; p < v.count; p++) {
      pair_backward(a, f, &v, h, t, p, &weight, &d_score);
      sums[lmn_segment_distance(a->is_causal, a->segment, v.i, p - a->slots)] += d_score;
    }
  }
  for (size_t d = 0; d < distances; d++) a->d_bias[h * distances + d] = (float)sums[d];
}

void segment_attention_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_segment_attention_grad *a = args;
  const size_t E = a->width, D = E / a->heads, S = a->segment, C = a->before, k = a->slots;
  const lmn_segment_attention f = lmn_segment_forward(a);
  for (size_t h = begin; h < end; h++) {
    for (size_t t = 0; t < a->length; t++) {
      const view v = view_of(&f, h, t);
      double d_query[LMN_MOST_HEAD_WIDTH] = {0}, weight, d_score;
      for (size_t p = 0; p < v.count; p++) {
        pair_backward(a, &f, &v, h, t, p, &weight, &d_score);
        for (size_t e = 0; e < D; e++) d_query[e] += a->scale * d_score * key_of(&v, E, p)[e];
      }
      for (size_t e = 0; e < D; e++) a->d_queries[t * E + h * D + e] = (float)d_query[e];
    }
    for (size_t g = 0; g < lmn_segments(C, a->length, S); g++) {
      const size_t first = g == 0 ? 0 : g * S - C, last = lmn_min((g + 1) * S - C, a->length);
      for (size_t i = 0; i < k; i++)
        row_backward(a, &f, h, i, first, last, a->d_slot_kv + (g * k + i) * 2 * E);
      for (size_t j = g * S; a->token_kv && j < lmn_min((g + 1) * S, C + a->length); j++)
        row_backward(a, &f, h, k + j - g * S, first, last, a->d_token_kv + j * 2 * E);
    }
    if (a->bias) bias_backward(a, &f, h);
  }
}

void segment_attention_step_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_segment_attention_step *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, N = LMN_CACHE_CHUNK;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / H, h = unit % H, f = h * D;
    const size_t i = (size_t)a->positions[b] % a->segment, own = a->slots + i;
    const float *query = a->qkv + b * 3 * E + f;
#define KEY(place, e) (a->caches[b][(place) / N] + 2 * f * N)[(e) * N + (place) % N]
#define VALUE(place, e) (a->caches[b][(place) / N] + 2 * f * N + D * N)[(place) % N * D + (e)]
    for (size_t e = 0; e < D; e++) {
      KEY(own, e) = query[E + e];
      VALUE(own, e) = query[2 * E + e];
    }
    double largest = -INFINITY, normalizer = 0, sums[LMN_MOST_HEAD_WIDTH] = {0};
    for (int pass = 0; pass < 2; pass++)
      for (size_t place = 0; place <= own; place++) {
        double score = 0;
        for (size_t e = 0; e < D; e++) score += (double)query[e] * KEY(place, e);
        score *= a->scale;
        if (place >= a->slots) score += a->bias[h * a->segment + own - place];
        if (pass == 0) {
          largest = fmax(largest, score);
          continue;
        }
        const double weight = exp(score - largest);
        normalizer += weight;
        for (size_t e = 0; e < D; e++) sums[e] += weight * VALUE(place, e);
      }
#undef KEY
#undef VALUE
    for (size_t e = 0; e < D; e++) a->output[b * E + f + e] = (float)(sums[e] / normalizer);
  }
}
