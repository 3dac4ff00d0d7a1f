// Attention within segments, and slots.
#include <math.h>

#include "topics.h"

/// Causal with slots, after tokens of the first segment; of whole segments with counts and biases
/// in both directions; of slots alone; and steps. At most a few segments, for emulators.
void run_segment_attention(lmn_context context, const computation *c, outcome *o) {
  enum { S = 70, k = 5 };
  const size_t L = c->length < 200 ? c->length : 200, E = c->width, H = c->heads, rows = L + S;
  const float scale = 1 / sqrtf((float)(E / H));
  const float *queries = random_values(o, 60, L * E, 1);
  const float *slot_kv = random_values(o, 61, (rows / S + 1) * k * 2 * E, 1);
  const float *token_kv = random_values(o, 62, rows * 2 * E, 1);
  const float *bias = random_values(o, 63, H * (2 * S - 1), 1);
  const float *d_output = random_values(o, 64, L * E, 1);
  int32_t *counts = allocate(o, (rows / S + 1) * sizeof *counts);
  for (size_t g = 0; g <= rows / S; g++)
    counts[g] = (int32_t)(g % 2 || L < g * S + 3 ? 0 : (L - g * S < S ? L - g * S : S - 2));
  for (size_t i = 0; i < 3; i++) {
    const bool is_causal = i == 0, has_tokens = i < 2;
    const size_t C = is_causal ? c->start % S : 0, G = (C + L + S - 1) / S, slots = i == 1 ? 0 : k;
    const size_t biases = has_tokens ? H * (is_causal ? S : 2 * S - 1) : 0;
    OUT(attended, L * E);
    OUT(log_normalizer, L * H);
    OUT(d_queries, L * E);
    OUT(d_slot_kv, G * slots * 2 * E);
    OUT(d_token_kv, has_tokens ? (C + L) * 2 * E : 0);
    OUT(d_bias, biases);
    lmn_segment_attention_forward(
        context,
        &(lmn_segment_attention){L, C, S, slots, E, H, is_causal, scale, i == 1 ? counts : NULL,
                                 queries, slot_kv, has_tokens ? token_kv : NULL,
                                 has_tokens ? bias : NULL, attended, log_normalizer});
    lmn_segment_attention_backward(context,
                                   &(lmn_segment_attention_grad){L,
                                                                 C,
                                                                 S,
                                                                 slots,
                                                                 E,
                                                                 H,
                                                                 is_causal,
                                                                 scale,
                                                                 i == 1 ? counts : NULL,
                                                                 queries,
                                                                 slot_kv,
                                                                 has_tokens ? token_kv : NULL,
                                                                 has_tokens ? bias : NULL,
                                                                 attended,
                                                                 log_normalizer,
                                                                 d_output,
                                                                 d_queries,
                                                                 d_slot_kv,
                                                                 d_token_kv,
                                                                 d_bias});
  }
  // The first and the last token of a segment, and tokens of both chunks of a cache.
  const int64_t positions[] = {0, 69, 2 * S + 58, 3 * S + 60};
  float *chunks[4 * 2], *const *caches[4];
  for (size_t chunk = 0; chunk < 8; chunk++)
    chunks[chunk] = random_values(o, 65 + (unsigned)chunk, 2 * E * LMN_CACHE_CHUNK, 1);
  for (size_t b = 0; b < 4; b++) caches[b] = chunks + 2 * b;
  const float *qkv = random_values(o, 73, 4 * 3 * E, 1);
  OUT(attended_step, 4 * E);
  lmn_segment_attention_step_forward(
      context, &(lmn_segment_attention_step){4, S, k, E, H, scale, positions, qkv, bias, caches,
                                             attended_step});
}

/// Slots of three streams that read no, some and all tokens, with and without forgetting, and their
/// norm without gain.
void run_slot_write(lmn_context context, const computation *c, outcome *o) {
  enum { B = 3, k = 17, S = 100 };
  const size_t E = c->width, H = c->heads;
  const int32_t counts[B] = {0, 37, S};
  const float scale = 2 / sqrtf((float)(E / H));
  const float *slots = random_values(o, 80, B * k * E, 1);
  const float *slot_qk = random_values(o, 81, B * k * 2 * E, 1);
  const float *token_kv = random_values(o, 82, B * S * 2 * E, 1);
  const float *forgetting = random_values(o, 83, k * E, 1);
  const float *d_slots = random_values(o, 84, B * k * E, 1);
  for (size_t i = 0; i < 2; i++) {
    OUT(sums, B * k * E);
    OUT(largest, B * k * H);
    OUT(normalizer, B * k * H);
    lmn_slot_write_forward(
        context, &(lmn_slot_write){B, k, S, E, H, scale, i ? counts : NULL, slots, slot_qk,
                                   token_kv, i ? forgetting : NULL, sums, largest, normalizer});
    OUT(normalized, B * k * E);
    OUT(norm_scale, B * k);
    lmn_rms_norm_forward(context,
                         &(lmn_rms_norm){B * k, E, 1e-7f, sums, NULL, normalized, norm_scale});
    OUT(d_sums, B * k * E);
    lmn_rms_norm_backward(
        context, &(lmn_rms_norm_grad){B * k, E, sums, NULL, norm_scale, d_slots, d_sums, NULL});
    OUT(d_slot_values, B * k * E);
    OUT(d_slot_qk, B * k * 2 * E);
    OUT(d_token_kv, B * S * 2 * E);
    lmn_slot_write_backward(
        context,
        &(lmn_slot_write_grad){B, k, S, E, H, scale, i ? counts : NULL, slots, slot_qk, token_kv,
                               largest, normalizer, d_sums, d_slot_values, d_slot_qk, d_token_kv});
  }
}
