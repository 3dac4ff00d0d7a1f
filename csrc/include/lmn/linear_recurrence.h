// Linear attention and delta rules: feature maps, decays and the recurrence.
// Dimensions M, k, C, G and N as in routing.h.
#ifndef CLMN_LINEAR_RECURRENCE_H
#define CLMN_LINEAR_RECURRENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing.h"
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Map applied to queries and keys.
typedef enum lmn_feature_kind {
  LMN_FEATURE_IDENTITY,
  LMN_FEATURE_RELU,  // max(x, 0)
  LMN_FEATURE_ELU,   // x + 1 above 0, exp(x) below: elu(x) + 1
} lmn_feature_kind;

/// Feature map of every row, L2-normalised:
///   features = scale * map(x) / sqrt(sum of map(x)^2 + epsilon), or scale * map(x)
typedef struct lmn_feature_map {
  size_t rows, width;
  lmn_feature_kind kind;
  bool normalize;
  float scale, epsilon;
  const float *x;   // [M, width]
  float *features;  // [M, width]
} lmn_feature_map;

void lmn_feature_map_forward(lmn_context, const lmn_feature_map *);

typedef struct lmn_feature_map_grad {
  size_t rows, width;
  lmn_feature_kind kind;
  bool normalize;
  float scale, epsilon;
  const float *x, *d_features;  // [M, width]
  float *d_x;                   // [M, width]
} lmn_feature_map_grad;

void lmn_feature_map_backward(lmn_context, const lmn_feature_map_grad *);

/// Log-decays of heads: decay[m][h] = -exp(log_rate[h]) * log(1 + exp(x[m][h] + bias[h]))
typedef struct lmn_head_decay {
  size_t rows, heads;
  const float *x;                // [M, H]
  const float *log_rate, *bias;  // [H]
  float *decay;                  // [M, H]
} lmn_head_decay;

void lmn_head_decay_forward(lmn_context, const lmn_head_decay *);

typedef struct lmn_head_decay_grad {
  size_t rows, heads;
  const float *x;                // [M, H]
  const float *log_rate, *bias;  // [H]
  const float *decay, *d_decay;  // [M, H]
  float *d_x;                    // [M, H]
  float *d_log_rate, *d_bias;    // [H]
} lmn_head_decay_grad;

void lmn_head_decay_backward(lmn_context, const lmn_head_decay_grad *);

enum { LMN_MOST_CHUNK = 64 };

/// Recurrence of matrix-valued states S [key_width, value_width], per segment and head, row by row:
///   S = exp(decay) * S                   of all of S, or of each of its rows; without: S
///   error = value - key . S              with beta; without: value
///   S = S + key^T . (beta * error)
///   output = query . S
/// These are linear attention, gated linear attention (arXiv 2312.06635), the delta rule
/// (arXiv 2406.06484) and the gated delta rule (arXiv 2412.06464). It is computed in chunks: within
/// them by matrix products and a triangular solve.
///
/// Head h of an array [N, H w] has the features from h w to h w + w - 1.
typedef struct lmn_linear_recurrence {
  size_t rows, heads;             // N, H
  size_t key_width, value_width;  // from 1 to LMN_MOST_HEAD_WIDTH
  size_t decay_width;             // 1 or key_width; key_width only without beta
  size_t chunk;                   // rows of a chunk, from 1 to LMN_MOST_CHUNK
  size_t segments;                // G
  const int32_t *offsets;         // [G + 1], or NULL for one segment of all rows
  const float *queries, *keys;    // [N, H key_width]
  const float *values;            // [N, H value_width]
  const float *beta;              // [N, H], or NULL for 1 and no error
  const float *decay;             // [N, H decay_width], none above 0; or NULL for none
  const float *state;             // [G, H, key_width, value_width]: S before the first row
  float *next_state;              // [G, H, key_width, value_width]: S after the last row
  float *output;                  // [N, H value_width]
  float *errors;                  // [N, H value_width]; not used without beta
  float *chunk_states;  // [lmn_linear_recurrence_chunks, H, key_width, value_width]: S before each
                        // chunk, some not written; or NULL if no gradient is needed
} lmn_linear_recurrence;

/// Chunks of all segments, at most: N / chunk + G.
size_t lmn_linear_recurrence_chunks(const lmn_linear_recurrence *);

void lmn_linear_recurrence_forward(lmn_context, const lmn_linear_recurrence *);

typedef struct lmn_linear_recurrence_grad {
  lmn_linear_recurrence forward;  // inputs, errors and chunk_states; other results are not used
  const float *d_output;          // [N, H value_width]
  const float *d_next_state;      // [G, H, key_width, value_width]
  float *d_queries, *d_keys;      // [N, H key_width]
  float *d_values;                // [N, H value_width]
  float *d_beta;                  // [N, H]; not used without beta
  float *d_decay;                 // [N, H decay_width]; not used without decay
  float *d_state;                 // [G, H, key_width, value_width]
} lmn_linear_recurrence_grad;

void lmn_linear_recurrence_backward(lmn_context, const lmn_linear_recurrence_grad *);

/// One step of lmn_linear_recurrence for the chosen memories.
typedef struct lmn_linear_recurrence_step {
  lmn_stream_choices choices;
  size_t heads, key_width, value_width, decay_width;
  const float *queries, *keys;  // [B C, H key_width]
  const float *values;          // [B C, H value_width]
  const float *beta;            // [B C, H], or NULL
  const float *decay;           // [B C, H decay_width], or NULL
  float *states;                // [B, G, H, key_width, value_width]; in and out
  float *output;                // [B C, H value_width]
} lmn_linear_recurrence_step;

void lmn_linear_recurrence_step_forward(lmn_context, const lmn_linear_recurrence_step *);

#ifdef __cplusplus
}
#endif

#endif
