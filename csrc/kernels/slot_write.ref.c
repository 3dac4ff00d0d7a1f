#include <math.h>

#include "CLMN.h"

static double dot(const float *a, const float *b, size_t D) {
  double sum = 0;
  for (size_t e = 0; e < D; e++) sum += (double)a[e] * b[e];
  return sum;
}

/// Score of a key over log 2.
static double score(float scale, const float *query, const float *key, size_t D) {
  return scale * dot(query, key, D) / log(2);
}

void slot_write_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_slot_write *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, k = a->slots;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / H, h = unit % H, f = h * D;
    const size_t count = a->counts ? (size_t)a->counts[b] : a->tokens;
    const float *kv = a->token_kv + b * a->tokens * 2 * E + f;
    for (size_t i = 0; i < k; i++) {
      const size_t row = b * k + i;
      const float *query = a->slot_qk + row * 2 * E + f;
      const double own = score(a->scale, query, query + E, D);
      double most = own;
      for (size_t j = 0; j < count; j++)
        most = fmax(most, score(a->scale, query, kv + j * 2 * E, D));
      // The rounded value, so that normalizer and largest score agree.
      const float largest = (float)most;
      double normalizer = exp2(own - largest), sums[LMN_MOST_HEAD_WIDTH];
      for (size_t e = 0; e < D; e++) sums[e] = normalizer * a->slot_values[row * E + f + e];
      for (size_t j = 0; j < count; j++) {
        const double weight = exp2(score(a->scale, query, kv + j * 2 * E, D) - largest);
        normalizer += weight;
        for (size_t e = 0; e < D; e++) sums[e] += weight * kv[j * 2 * E + E + e];
      }
      for (size_t e = 0; e < D; e++)
        a->sums[row * E + f + e] =
            (float)(sums[e] / normalizer + (a->forgetting ? a->forgetting[i * E + f + e] : 0));
      a->largest[row * H + h] = largest;
      a->normalizer[row * H + h] = (float)normalizer;
    }
  }
}

/// One head of a slot, and its softmax.
typedef struct {
  size_t D;
  float scale;
  const float *query, *key, *value, *d_sum;
  double largest, normalizer;
  double mean;  // weighted mean of the cotangents of weights, less that of the slot's own weight
} slot_head;

static double weight_of(const slot_head *s, const float *key) {
  return exp2(score(s->scale, s->query, key, s->D) - s->largest) / s->normalizer;
}

/// Cotangent of a value's weight, less that of the slot's own weight.
static double d_weight_of(const slot_head *s, const float *value) {
  return dot(value, s->d_sum, s->D) - dot(s->value, s->d_sum, s->D);
}

/// Cotangent of the product of the query and a key.
static double d_product_of(const slot_head *s, double weight, double d_weight) {
  return s->scale * weight * (d_weight - s->mean);
}

/// Head h of slot i of stream b, whose tokens have the given keys and values.
static slot_head slot_head_of(const lmn_slot_write_grad *a, size_t b, size_t i, size_t h,
                              const float *kv, size_t count) {
  const size_t E = a->width, D = E / a->heads, row = b * a->slots + i, at = row * E + h * D;
  const float *query = a->slot_qk + row * 2 * E + h * D;
  slot_head s = {
      .D = D,
      .scale = a->scale,
      .query = query,
      .key = query + E,
      .value = a->slot_values + at,
      .d_sum = a->d_sums + at,
      .largest = a->largest[row * a->heads + h],
      .normalizer = a->normalizer[row * a->heads + h],
  };
  for (size_t j = 0; j < count; j++)
    s.mean += weight_of(&s, kv + j * 2 * E) * d_weight_of(&s, kv + j * 2 * E + E);
  return s;
}

void slot_write_backward_reference(const void *args, size_t begin, size_t end) {
  enum { TOKENS = 16 };
  const lmn_slot_write_grad *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, k = a->slots;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / H, h = unit % H;
    const size_t count = a->counts ? (size_t)a->counts[b] : a->tokens;
    const float *kv = a->token_kv + b * a->tokens * 2 * E + h * D;
    for (size_t i = 0; i < k; i++) {
      const slot_head s = slot_head_of(a, b, i, h, kv, count);
      const double own = weight_of(&s, s.key), d_own = d_product_of(&s, own, 0);
      float *d_query = a->d_slot_qk + (b * k + i) * 2 * E + h * D;
      double sums[LMN_MOST_HEAD_WIDTH];
      for (size_t e = 0; e < D; e++) {
        sums[e] = d_own * s.key[e];
        d_query[E + e] = (float)(d_own * s.query[e]);
        a->d_slot_values[(b * k + i) * E + h * D + e] = (float)(own * s.d_sum[e]);
      }
      for (size_t j = 0; j < count; j++) {
        const float *key = kv + j * 2 * E;
        const double d = d_product_of(&s, weight_of(&s, key), d_weight_of(&s, key + E));
        for (size_t e = 0; e < D; e++) sums[e] += d * key[e];
      }
      for (size_t e = 0; e < D; e++) d_query[e] = (float)sums[e];
    }
    // Several tokens at once, since a slot's mean takes long.
    for (size_t first = 0; first < a->tokens; first += TOKENS) {
      const size_t last = first + TOKENS < a->tokens ? first + TOKENS : a->tokens;
      double d_key[TOKENS][LMN_MOST_HEAD_WIDTH] = {0}, d_value[TOKENS][LMN_MOST_HEAD_WIDTH] = {0};
      for (size_t i = 0; i < k && first < count; i++) {
        const slot_head s = slot_head_of(a, b, i, h, kv, count);
        for (size_t j = first; j < last && j < count; j++) {
          const float *key = kv + j * 2 * E;
          const double weight = weight_of(&s, key);
          const double d = d_product_of(&s, weight, d_weight_of(&s, key + E));
          for (size_t e = 0; e < D; e++) {
            d_key[j - first][e] += d * s.query[e];
            d_value[j - first][e] += weight * s.d_sum[e];
          }
        }
      }
      for (size_t j = first; j < last; j++) {
        float *d_token = a->d_token_kv + (b * a->tokens + j) * 2 * E + h * D;
        for (size_t e = 0; e < D; e++) {
          d_token[e] = (float)d_key[j - first][e];
          d_token[E + e] = (float)d_value[j - first][e];
        }
      }
    }
  }
}
