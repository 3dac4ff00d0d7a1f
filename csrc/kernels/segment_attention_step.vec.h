// Attention within segments of one token per stream: the rows of causal attention's step, with
// biases.
#ifndef LMN_SEGMENT_ATTENTION_STEP_VEC_H
#define LMN_SEGMENT_ATTENTION_STEP_VEC_H

#include "isa/kernel.h"
#include "kernels/causal_attention_step.vec.h"
#include "kernels/segment_attention.h"

KERNEL(segment_attention_step_forward) {
  const lmn_segment_attention_step *a = args;
  enum { PLACES = LMN_CACHE_CHUNK };
  const size_t E = a->width, D = E / a->heads;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t b = unit / a->heads, head = unit % a->heads;
    const size_t own = a->slots + (size_t)a->positions[b] % a->segment;
    const float *qkv = a->qkv + b * 3 * E + head * D;
    const float *bias = a->bias + head * a->segment;
    float *newest = a->caches[b][own / PLACES] + head * 2 * D * PLACES;
    float *output = a->output + b * E + head * D;
    float query[LMN_MOST_HEAD_WIDTH] CAUSAL_ALIGNED;
    for (size_t e = 0; e < D; e++) {
      query[e] = a->scale * causal_log2_e * qkv[e];
      newest[e * PLACES + own % PLACES] = qkv[E + e];
      newest[D * PLACES + own % PLACES * D + e] = qkv[2 * E + e];
    }
    causal_row row = causal_row_begin(D, output);
    for (size_t first = 0; first <= own; first += CAUSAL_STEP) {
      const size_t last = lmn_min(first + CAUSAL_STEP, own + 1);
      float scores[CAUSAL_STEP] CAUSAL_ALIGNED;
      for (size_t place = first; place < last; place += PLACES)
        causal_row_scores(D, query, a->caches[b][place / PLACES] + head * 2 * D * PLACES,
                          scores + place - first);
      for (size_t place = first < a->slots ? a->slots : first; place < last; place++)
        scores[place - first] += causal_log2_e * bias[own - place];
      causal_row_add(&row, scores, last - first, a->caches[b] + first / PLACES,
                     head * 2 * D * PLACES);
    }
    causal_row_end(&row);
  }
}

#endif
