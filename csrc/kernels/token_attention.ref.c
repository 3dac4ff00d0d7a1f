#include <math.h>

#include "kernels/units.h"

/// Sum over the features of head h, which are `heads` apart.
static double dot(const float *a, const float *b, size_t h, size_t heads, size_t E) {
  double sum = 0;
  for (size_t e = h; e < E; e += heads) sum += (double)a[e] * b[e];
  return sum;
}

void token_attention_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_token_attention *a = args;
  const size_t E = a->width, H = a->heads;
  for (size_t t = begin; t < end; t++)
    for (size_t h = 0; h < H; h++) {
      const int32_t *seen = a->seen + t * a->places;
      const double before = a->log_normalizer[t * H + h];
      double largest = before;
#define SCORE(x)                                                                                \
  (dot(a->slots + a->rows[seen[x]] * 2 * E, a->keys + t * E, h, H, E) / sqrt((double)(E / H)) + \
   (a->gates ? a->gates[seen[x]] : 0) + (a->bias ? a->bias[(x) * H + h] : 0))
      for (size_t x = 0; x < a->places; x++)
        if (seen[x] >= 0) largest = fmax(largest, SCORE(x));
      double normalizer = exp(before - largest);
      const double kept = normalizer;
      for (size_t x = 0; x < a->places; x++)
        if (seen[x] >= 0) normalizer += exp(SCORE(x) - largest);
      for (size_t e = h; e < E; e += H) {
        double sum = kept * a->output[t * E + e];
        for (size_t x = 0; x < a->places; x++)
          if (seen[x] >= 0)
            sum += exp(SCORE(x) - largest) * a->slots[a->rows[seen[x]] * 2 * E + E + e];
        a->output[t * E + e] = (float)(sum / normalizer);
      }
#undef SCORE
      a->log_normalizer[t * H + h] = (float)(largest + log(normalizer));
    }
}

/// Softmax weight of the token at a place of a position, and the cotangent of its score.
static void pair_backward(const lmn_token_attention_grad *a, size_t x, size_t t, size_t h,
                          double *weight, double *d_score) {
  const size_t E = a->width, H = a->heads, token = (size_t)a->seen[t * a->places + x];
  const float *slot = a->slots + a->rows[token] * 2 * E, *d_output = a->d_output + t * E;
  const double score = dot(slot, a->keys + t * E, h, H, E) / sqrt((double)(E / H)) +
                       (a->gates ? a->gates[token] : 0) + (a->bias ? a->bias[x * H + h] : 0);
  *weight = exp(score - a->log_normalizer[t * H + h]);
  *d_score =
      *weight * (dot(slot + E, d_output, h, H, E) - dot(a->output + t * E, d_output, h, H, E));
}

/// Cotangent of the bias of a place, over positions [first, last).
static void bias_backward(const lmn_token_attention_grad *a, size_t first, size_t last, size_t x,
                          float *d_bias) {
  for (size_t h = 0; h < a->heads; h++) {
    double sum = 0, weight, d_score;
    for (size_t t = first; t < last; t++) {
      if (a->seen[t * a->places + x] < 0) continue;
      pair_backward(a, x, t, h, &weight, &d_score);
      sum += d_score;
    }
    d_bias[h] = (float)sum;
  }
}

void token_attention_backward_keys_reference(const void *args, size_t begin, size_t end) {
  const lmn_token_attention_grad *a = args;
  const size_t E = a->width, H = a->heads, X = a->places;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t first = unit * LMN_TOKEN_ATTENTION_BLOCK;
    const size_t last = lmn_min(first + LMN_TOKEN_ATTENTION_BLOCK, a->length);
    for (size_t t = first; t < last; t++)
      for (size_t e = 0; e < E; e++) {
        double sum = 0, weight, d_score;
        for (size_t x = 0; x < X; x++) {
          const int32_t token = a->seen[t * X + x];
          if (token < 0) continue;
          pair_backward(a, x, t, e % H, &weight, &d_score);
          sum += d_score * a->slots[a->rows[token] * 2 * E + e];
        }
        a->d_keys[t * E + e] = (float)(a->d_keys[t * E + e] + sum / sqrt((double)(E / H)));
      }
    for (size_t x = 0; a->bias && x < X; x++)
      bias_backward(a, first, last, x, a->partial_bias + (unit * X + x) * H);
  }
}

/// Place of a token among those that a position attends to.
static size_t place_of(const lmn_token_attention_grad *a, size_t token, size_t t) {
  size_t x = 0;
  while (a->seen[t * a->places + x] != (int32_t)token) x++;
  return x;
}

void token_attention_backward_slots_reference(const void *args, size_t begin, size_t end) {
  const lmn_token_attention_grad *a = args;
  const size_t E = a->width, H = a->heads;
  for (size_t token = begin; token < end; token++) {
    const size_t first = (size_t)a->audience[2 * token], last = (size_t)a->audience[2 * token + 1];
    float *d_slot = a->d_slots + a->rows[token] * 2 * E;
    double weight, d_score, gate = 0;
    for (size_t e = 0; e < E; e++) {
      double query = 0, value = 0;
      for (size_t t = first; t < last; t++) {
        pair_backward(a, place_of(a, token, t), t, e % H, &weight, &d_score);
        query += d_score * a->keys[t * E + e];
        value += weight * a->d_output[t * E + e];
        if (e < H) gate += d_score;
      }
      if (first >= last) continue;
      d_slot[e] = (float)(d_slot[e] + query / sqrt((double)(E / H)));
      d_slot[E + e] = (float)(d_slot[E + e] + value);
    }
    if (a->gates) a->d_gates[token] = (float)gate;
  }
}
