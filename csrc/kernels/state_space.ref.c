#include "kernels/units.h"

typedef struct {
  double re, im;
} state;

static state after(state before, const float *coefficients, size_t width, float y) {
  const double a_re = coefficients[0], a_im = coefficients[width];
  return (state){a_re * before.re - a_im * before.im + y, a_re * before.im + a_im * before.re};
}

void state_space_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_state_space *a = args;
  const size_t E = a->width, P = a->states, L = a->length;
  const size_t last = lmn_min(end * LMN_STATE_SPACE_CHANNELS, E);
  for (size_t e = begin * LMN_STATE_SPACE_CHANNELS; e < last; e++)
    for (size_t start = 0; start < L; start += LMN_STATE_SPACE_CHUNK) {
      const size_t count = lmn_min(L - start, LMN_STATE_SPACE_CHUNK);
      const float *before = a->carried + start / LMN_STATE_SPACE_CHUNK * P * 2 * E + e;
      float *next = a->carried + (1 + start / LMN_STATE_SPACE_CHUNK) * P * 2 * E + e;
      const float *y = a->y + start * E + e;
      double s[LMN_STATE_SPACE_CHUNK];
      for (size_t t = 0; t < count; t++) s[t] = (double)a->skip[e] * y[t * E];
      for (size_t n = 0; n < P; n++) {
        const float *coefficients = a->coefficients + n * 4 * E + e;
        state h = {before[2 * n * E], before[(2 * n + 1) * E]};
        for (size_t t = 0; t < count; t++) {
          h = after(h, coefficients, E, y[t * E]);
          s[t] += coefficients[2 * E] * h.re - coefficients[3 * E] * h.im;
        }
        next[2 * n * E] = (float)h.re;
        next[(2 * n + 1) * E] = (float)h.im;
      }
      for (size_t t = 0; t < count; t++) a->s[(start + t) * E + e] = (float)s[t];
    }
}

void state_space_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_state_space_grad *a = args;
  const size_t E = a->width, P = a->states, L = a->length;
  const size_t last = lmn_min(end * LMN_STATE_SPACE_CHANNELS, E);
  for (size_t e = begin * LMN_STATE_SPACE_CHANNELS; e < last; e++) {
    for (size_t row = 0; row < 4 * P; row++) a->d_coefficients[row * E + e] = 0;
    double d_skip = 0;
    for (size_t chunk = lmn_units(L, LMN_STATE_SPACE_CHUNK); chunk-- > 0;) {
      const size_t start = chunk * LMN_STATE_SPACE_CHUNK;
      const size_t count = lmn_min(L - start, LMN_STATE_SPACE_CHUNK);
      const float *y = a->y + start * E + e, *d_s = a->d_s + start * E + e;
      double d_y[LMN_STATE_SPACE_CHUNK];
      for (size_t t = 0; t < count; t++) {
        d_y[t] = (double)a->skip[e] * d_s[t * E];
        d_skip += (double)y[t * E] * d_s[t * E];
      }
      for (size_t n = 0; n < P; n++) {
        const float *coefficients = a->coefficients + n * 4 * E + e;
        const float *before = a->carried + (chunk * P + n) * 2 * E + e;
        state h[1 + LMN_STATE_SPACE_CHUNK] = {{before[0], before[E]}};
        for (size_t t = 0; t < count; t++) h[t + 1] = after(h[t], coefficients, E, y[t * E]);
        const double a_re = coefficients[0], a_im = coefficients[E];
        const double w_re = coefficients[2 * E], w_im = coefficients[3 * E];
        float *d_state = a->d_state + n * 2 * E + e;
        double re = d_state[0], im = d_state[E];
        double d_a_re = 0, d_a_im = 0, d_w_re = 0, d_w_im = 0;
        for (size_t t = count; t-- > 0;) {
          const double d_h_re = re + w_re * d_s[t * E], d_h_im = im - w_im * d_s[t * E];
          d_y[t] += d_h_re;
          d_w_re += d_s[t * E] * h[t + 1].re;
          d_w_im -= d_s[t * E] * h[t + 1].im;
          d_a_re += d_h_re * h[t].re + d_h_im * h[t].im;
          d_a_im += d_h_im * h[t].re - d_h_re * h[t].im;
          re = a_re * d_h_re + a_im * d_h_im;
          im = a_re * d_h_im - a_im * d_h_re;
        }
        d_state[0] = (float)re;
        d_state[E] = (float)im;
        float *d_coefficients = a->d_coefficients + n * 4 * E + e;
        d_coefficients[0] += (float)d_a_re;
        d_coefficients[E] += (float)d_a_im;
        d_coefficients[2 * E] += (float)d_w_re;
        d_coefficients[3 * E] += (float)d_w_im;
      }
      for (size_t t = 0; t < count; t++) a->d_y[(start + t) * E + e] = (float)d_y[t];
    }
    a->d_skip[e] = (float)d_skip;
  }
}

void state_space_step_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_state_space_step *a = args;
  const size_t E = a->width, P = a->states, groups = lmn_units(E, LMN_STATE_SPACE_CHANNELS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t stream = unit / groups, first = unit % groups * LMN_STATE_SPACE_CHANNELS;
    for (size_t e = first; e < lmn_min(first + LMN_STATE_SPACE_CHANNELS, E); e++) {
      const float y = a->y[stream * E + e];
      double s = (double)a->skip[e] * y;
      for (size_t n = 0; n < P; n++) {
        const float *coefficients = a->coefficients + n * 4 * E + e;
        float *carried = a->state + (stream * P + n) * 2 * E + e;
        const state h = after((state){carried[0], carried[E]}, coefficients, E, y);
        s += coefficients[2 * E] * h.re - coefficients[3 * E] * h.im;
        carried[0] = (float)h.re;
        carried[E] = (float)h.im;
      }
      a->s[stream * E + e] = (float)s;
    }
  }
}
