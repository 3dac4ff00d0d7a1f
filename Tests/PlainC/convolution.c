// Short causal convolutions, per memory.
#include "topics.h"

enum { TAPS = 4, STREAMS = 4 };

/// Of the rows of all memories; and a step of streams.
void run_convolution(lmn_context context, const computation *c, const mixture *m, outcome *o) {
  const size_t E = c->width, N = c->length * CHOICES;
  const float *x = random_values(o, 63, N * E, 1), *dy = random_values(o, 64, N * E, 1);
  const float *taps = random_values(o, 67, TAPS * E, 1);
  const size_t before = SEGMENTS * (TAPS - 1) * E;
  const float *history = random_values(o, 68, before, 1), *d_next = random_values(o, 69, before, 1);
  OUT(activated, N * E);
  OUT(next_history, before);
  OUT(d_x, N * E);
  OUT(d_taps, TAPS * E);
  OUT(d_history, before);
  const lmn_short_conv conv = {N, E,    TAPS,    SEGMENTS,  m->offsets,
                               x, taps, history, activated, next_history};
  lmn_short_conv_forward(context, &conv);
  lmn_short_conv_backward(context,
                          &(lmn_short_conv_grad){conv, dy, d_next, d_x, d_taps, d_history});

  const lmn_stream_choices choices = stream_choices(m, STREAMS, o);
  const size_t stored = STREAMS * before;
  IN_OUT(stream_history, random_values(o, 79, stored, 1), stored);
  OUT(stepped_conv, STREAMS * CHOICES * E);
  lmn_short_conv_step_forward(
      context, &(lmn_short_conv_step){choices, E, TAPS, x, taps, stream_history, stepped_conv});
}
