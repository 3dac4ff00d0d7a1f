#include <math.h>

#include "kernels/short_conv.h"
#include "kernels/stream_choices.h"

static double silu(double x) { return x / (1 + exp(-x)); }

static double silu_slope(double x) {
  const double s = 1 / (1 + exp(-x));
  return s * (1 + x * (1 - s));
}

/// The convolution before the activation.
static double convolved(const lmn_short_conv *a, lmn_conv_segment s, size_t i, size_t e) {
  double sum = 0;
  for (size_t j = 0; j < a->taps_count; j++)
    sum += (double)a->taps[j * a->width + e] * lmn_conv_input(a, s, i + j)[e];
  return sum;
}

void short_conv_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_short_conv *a = args;
  const size_t E = a->width, before = a->taps_count - 1;
  for (size_t e = begin * LMN_TILE_COLUMNS; e < lmn_min(end * LMN_TILE_COLUMNS, E); e++)
    for (size_t g = 0; g < a->segments; g++) {
      const lmn_conv_segment s = lmn_conv_segment_at(a, g);
      for (size_t i = 0; i < s.count; i++)
        a->activated[(s.row + i) * E + e] = (float)silu(convolved(a, s, i, e));
      for (size_t i = 0; i < before; i++)
        a->next_history[(s.history + i) * E + e] = lmn_conv_input(a, s, s.count + i)[e];
    }
}

void short_conv_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_short_conv_grad *g = args;
  const lmn_short_conv *a = &g->forward;
  const size_t E = a->width, W = a->taps_count, before = W - 1;
  for (size_t e = begin * LMN_TILE_COLUMNS; e < lmn_min(end * LMN_TILE_COLUMNS, E); e++) {
    double d_taps[LMN_MOST_TAPS] = {0};
    for (size_t segment = 0; segment < a->segments; segment++) {
      const lmn_conv_segment s = lmn_conv_segment_at(a, segment);
      // Input n, counted from the history, is read by outputs n - j, by tap j.
      for (size_t n = 0; n < before + s.count; n++) {
        double d_input = n < s.count ? 0 : g->d_next_history[(s.history + n - s.count) * E + e];
        for (size_t j = 0; j < W && j <= n; j++) {
          const size_t i = n - j;
          if (i >= s.count) continue;
          const double d_sum =
              g->d_activated[(s.row + i) * E + e] * silu_slope(convolved(a, s, i, e));
          d_input += a->taps[j * E + e] * d_sum;
          d_taps[j] += lmn_conv_input(a, s, n)[e] * d_sum;
        }
        if (n < before)
          g->d_history[(s.history + n) * E + e] = (float)d_input;
        else
          g->d_x[(s.row + n - before) * E + e] = (float)d_input;
      }
    }
    for (size_t j = 0; j < W; j++) g->d_taps[j * E + e] = (float)d_taps[j];
  }
}

void short_conv_step_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_short_conv_step *a = args;
  const size_t E = a->width, before = a->taps_count - 1;
  for (size_t stream = begin; stream < end; stream++)
    for (size_t j = 0; j < a->choices.choices; j++) {
      const float *x = a->x + lmn_choice_row(&a->choices, stream, j) * E;
      float *history = a->history + lmn_choice_memory(&a->choices, stream, j) * before * E;
      float *activated = a->activated + lmn_choice_row(&a->choices, stream, j) * E;
      for (size_t e = 0; e < E; e++) {
        double sum = (double)a->taps[before * E + e] * x[e];
        for (size_t i = 0; i < before; i++) sum += (double)a->taps[i * E + e] * history[i * E + e];
        activated[e] = (float)silu(sum);
        for (size_t i = 0; i < before; i++)
          history[i * E + e] = i + 1 < before ? history[(i + 1) * E + e] : x[e];
      }
    }
}
