#include <math.h>

#include "kernels/causal_attention.h"

/// Row of token `token`, counted from the first before the chunk, in an array of the tokens before
/// and one of the chunk's own with `row` values per token.
static const float *row_of(const float *before, const float *own, size_t C, size_t E, size_t row,
                           size_t token) {
  return token < C ? before + token * E : own + (token - C) * row;
}

static double dot(const float *a, const float *b, size_t D) {
  double sum = 0;
  for (size_t i = 0; i < D; i++) sum += (double)a[i] * b[i];
  return sum;
}

void causal_attention_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_causal_attention *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, C = a->before;
  const size_t blocks = lmn_units(a->length, LMN_QUERY_BLOCK);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t h = unit / blocks, f = h * D;
    const size_t first = lmn_query_block_of(unit % blocks, blocks) * LMN_QUERY_BLOCK;
    for (size_t t = first; t < lmn_min(first + LMN_QUERY_BLOCK, a->length); t++) {
#define SCORE(s) \
  (a->scale *    \
   dot(a->qkv + t * 3 * E + f, row_of(a->keys_before, a->qkv + E, C, E, 3 * E, s) + f, D))
      double largest = -INFINITY, normalizer = 0, sums[LMN_MOST_HEAD_WIDTH] = {0};
      for (size_t s = lmn_first_seen(a->window, C + t); s <= C + t; s++)
        largest = fmax(largest, SCORE(s));
      for (size_t s = lmn_first_seen(a->window, C + t); s <= C + t; s++) {
        const float *value = row_of(a->values_before, a->qkv + 2 * E, C, E, 3 * E, s) + f;
        const double weight = exp(SCORE(s) - largest);
        normalizer += weight;
        for (size_t i = 0; i < D; i++) sums[i] += weight * value[i];
      }
#undef SCORE
      for (size_t i = 0; i < D; i++) a->output[t * E + f + i] = (float)(sums[i] / normalizer);
      a->log_normalizer[t * H + h] = (float)(largest + log(normalizer));
    }
  }
}

/// Weight of token s for token t of the chunk, and the cotangent of their score's argument.
static void pair_backward(const lmn_causal_attention_grad *a, size_t h, size_t t, size_t s,
                          double *weight, double *d_score) {
  const size_t E = a->width, D = E / a->heads, C = a->before, f = h * D;
  const float *key = row_of(a->keys_before, a->qkv + E, C, E, 3 * E, s) + f;
  const float *value = row_of(a->values_before, a->qkv + 2 * E, C, E, 3 * E, s) + f;
  const float *d_output = a->d_output + t * E + f;
  *weight =
      exp(a->scale * dot(a->qkv + t * 3 * E + f, key, D) - a->log_normalizer[t * a->heads + h]);
  *d_score =
      a->scale * *weight * (dot(value, d_output, D) - dot(a->output + t * E + f, d_output, D));
}

void causal_attention_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_causal_attention_grad *a = args;
  const size_t E = a->width, D = E / a->heads, C = a->before, L = a->length;
  for (size_t h = begin; h < end; h++) {
    const size_t f = h * D;
    double weight, d_score;
    for (size_t t = 0; t < L; t++) {
      double d_query[LMN_MOST_HEAD_WIDTH] = {0};
      for (size_t s = lmn_first_seen(a->window, C + t); s <= C + t; s++) {
        pair_backward(a, h, t, s, &weight, &d_score);
        const float *key = row_of(a->keys_before, a->qkv + E, C, E, 3 * E, s) + f;
        for (size_t i = 0; i < D; i++) d_query[i] += d_score * key[i];
      }
      for (size_t i = 0; i < D; i++) a->d_qkv[t * 3 * E + f + i] = (float)d_query[i];
    }
    for (size_t s = a->d_keys_before ? 0 : C; s < C + L; s++) {
      double d_key[LMN_MOST_HEAD_WIDTH] = {0}, d_value[LMN_MOST_HEAD_WIDTH] = {0};
      for (size_t t = s < C ? 0 : s - C; t < L && lmn_first_seen(a->window, C + t) <= s; t++) {
        pair_backward(a, h, t, s, &weight, &d_score);
        for (size_t i = 0; i < D; i++) {
          d_key[i] += d_score * a->qkv[t * 3 * E + f + i];
          d_value[i] += weight * a->d_output[t * E + f + i];
        }
      }
      float *d_keys = s < C ? a->d_keys_before + s * E : a->d_qkv + (s - C) * 3 * E + E;
      float *d_values = s < C ? a->d_values_before + s * E : a->d_qkv + (s - C) * 3 * E + 2 * E;
      for (size_t i = 0; i < D; i++) {
        d_keys[f + i] = (float)d_key[i];
        d_values[f + i] = (float)d_value[i];
      }
    }
  }
}

void causal_attention_step_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_causal_attention_step *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, N = LMN_CACHE_CHUNK;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / H, f = unit % H * D;
    const size_t own = lmn_cache_place(a->window, a->positions[b]);
    const size_t seen = lmn_tokens_seen(a->window, a->positions[b]);
    const float *query = a->qkv + b * 3 * E + f;
#define KEY(place, i) (a->caches[b][(place) / N] + 2 * f * N)[(i) * N + (place) % N]
#define VALUE(place, i) (a->caches[b][(place) / N] + 2 * f * N + D * N)[(place) % N * D + (i)]
    for (size_t i = 0; i < D; i++) {
      KEY(own, i) = query[E + i];
      VALUE(own, i) = query[2 * E + i];
    }
    double largest = -INFINITY, normalizer = 0, sums[LMN_MOST_HEAD_WIDTH] = {0};
    for (int pass = 0; pass < 2; pass++)
      for (size_t place = 0; place < seen; place++) {
        double score = 0;
        for (size_t i = 0; i < D; i++) score += (double)query[i] * KEY(place, i);
        score *= a->scale;
        if (pass == 0) {
          largest = fmax(largest, score);
          continue;
        }
        const double weight = exp(score - largest);
        normalizer += weight;
        for (size_t i = 0; i < D; i++) sums[i] += weight * VALUE(place, i);
      }
#undef KEY
#undef VALUE
    for (size_t i = 0; i < D; i++) a->output[b * E + f + i] = (float)(sums[i] / normalizer);
  }
}
