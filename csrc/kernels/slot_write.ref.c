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

/// Weight of a key and value for head h of slot i of stream b, and the cotangent of the product of
/// query and key.
static void pair_backward(const lmn_slot_write_grad *a, size_t b, size_t i, size_t h,
                          const float *key, const float *value, double *weight, double *d_product) {
  const size_t E = a->width, D = E / a->heads, row = b * a->slots + i, at = row * E + h * D;
  const float *d_sum = a->d_sums + at;
  double mean = dot(a->sums + at, d_sum, D);
  if (a->forgetting) mean -= dot(a->forgetting + i * E + h * D, d_sum, D);
  *weight = exp2(score(a->scale, a->slot_qk + row * 2 * E + h * D, key, D) -
                 a->largest[row * a->heads + h]) /
            a->normalizer[row * a->heads + h];
  *d_product = a->scale * *weight * (dot(value, d_sum, D) - mean);
}

void slot_write_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_slot_write_grad *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, k = a->slots;
  double weight, d_product;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / H, h = unit % H;
    const size_t count = a->counts ? (size_t)a->counts[b] : a->tokens;
    const float *kv = a->token_kv + b * a->tokens * 2 * E + h * D;
    for (size_t i = 0; i < k; i++) {
      const size_t row = b * k + i, at = row * E + h * D;
      const float *query = a->slot_qk + row * 2 * E + h * D, *key = query + E;
      float *d_query = a->d_slot_qk + row * 2 * E + h * D;
      double sums[LMN_MOST_HEAD_WIDTH];
      pair_backward(a, b, i, h, key, a->slot_values + at, &weight, &d_product);
      for (size_t e = 0; e < D; e++) {
        sums[e] = d_product * key[e];
        d_query[E + e] = (float)(d_product * query[e]);
        a->d_slot_values[at + e] = (float)(weight * a->d_sums[at + e]);
      }
      for (size_t j = 0; j < count; j++) {
        const float *token = kv + j * 2 * E;
        pair_backward(a, b, i, h, token, token + E, &weight, &d_product);
        for (size_t e = 0; e < D; e++) sums[e] += d_product * token[e];
      }
      for (size_t e = 0; e < D; e++) d_query[e] = (float)sums[e];
    }
    for (size_t j = 0; j < a->tokens; j++) {
      const float *token = kv + j * 2 * E;
      float *d_token = a->d_token_kv + (b * a->tokens + j) * 2 * E + h * D;
      double d_key[LMN_MOST_HEAD_WIDTH] = {0}, d_value[LMN_MOST_HEAD_WIDTH] = {0};
      for (size_t i = 0; i < k && j < count; i++) {
        pair_backward(a, b, i, h, token, token + E, &weight, &d_product);
        for (size_t e = 0; e < D; e++) {
          d_key[e] += d_product * a->slot_qk[(b * k + i) * 2 * E + h * D + e];
          d_value[e] += weight * a->d_sums[(b * k + i) * E + h * D + e];
        }
      }
      for (size_t e = 0; e < D; e++) {
        d_token[e] = (float)d_key[e];
        d_token[E + e] = (float)d_value[e];
      }
    }
  }
}
