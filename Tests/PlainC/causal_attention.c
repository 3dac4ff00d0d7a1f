// Causal attention.
#include <math.h>

#include "topics.h"

/// Causal attention to the chunk and to tokens before it, with and without a window, forward,
/// backward and in steps. At most a few blocks of tokens, since all pairs of more would take
/// minutes under an emulator.
void run_causal_attention(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length < 200 ? c->length : 200, E = c->width, H = c->heads,
               C = c->start < 200 ? c->start : 200;
  const float scale = 1 / sqrtf((float)E);
  const float *qkv = random_values(o, 22, L * 3 * E, 1);
  const float *keys = random_values(o, 23, C * E, 1), *values = random_values(o, 24, C * E, 1);
  const float *d_output = random_values(o, 25, L * E, 1);
  const size_t windows[] = {SIZE_MAX, 40};
  for (size_t i = 0; i < 2; i++) {
    OUT(attended, L * E);
    OUT(log_normalizer, L * H);
    OUT(d_qkv, L * 3 * E);
    OUT(d_keys_before, C * E);
    OUT(d_values_before, C * E);
    lmn_causal_attention_forward(
        context, &(lmn_causal_attention){L, E, H, C, windows[i], scale, qkv, keys, values, attended,
                                         log_normalizer});
    lmn_causal_attention_backward(
        context, &(lmn_causal_attention_grad){L, E, H, C, windows[i], scale, qkv, keys, values,
                                              attended, log_normalizer, d_output, d_qkv,
                                              d_keys_before, d_values_before});
    // Positions in the first chunk of a cache, around its end and beyond.
    const int64_t positions[] = {0, 63, 64, 150};
    float *chunks[4 * 3], *const *caches[4];
    for (size_t chunk = 0; chunk < 12; chunk++)
      chunks[chunk] = random_values(o, 26 + (unsigned)chunk, 2 * E * LMN_CACHE_CHUNK, 1);
    for (size_t b = 0; b < 4; b++) caches[b] = chunks + 3 * b;
    OUT(attended_step, 4 * E);
    lmn_causal_attention_step_forward(
        context, &(lmn_causal_attention_step){4, E, H, windows[i], scale, positions, qkv, caches,
                                              attended_step});
  }
}
