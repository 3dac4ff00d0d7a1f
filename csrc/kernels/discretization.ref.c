#include <math.h>

#include "kernels/units.h"

typedef struct {
  double re, im;
} complex_number;

static complex_number times(complex_number a, complex_number b) {
  return (complex_number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static complex_number scaled(double factor, complex_number a) {
  return (complex_number){factor * a.re, factor * a.im};
}

static complex_number less(complex_number a, complex_number b) {
  return (complex_number){a.re - b.re, a.im - b.im};
}

/// a / b, 0 for b = 0
static complex_number over(complex_number a, complex_number b) {
  const double square = b.re * b.re + b.im * b.im;
  return scaled(square > 0 ? 1 / square : 0, times(a, (complex_number){b.re, -b.im}));
}

/// exp(z) and quotients of it. With z = dt * A and b = dt * mean, the derivative of b with respect
/// to A is dt^2 * slope.
typedef struct {
  complex_number exponential;
  complex_number mean;   // (exp(z) - 1) / z
  complex_number slope;  // (exp(z) - mean) / z
} exponentials;

/// sum over k of z^k / (k + 1)!, or of z^k / (k! (k + 2)), as far as |z| <= 1/100 needs
static complex_number series(const double coefficients[6], complex_number z) {
  complex_number sum = {coefficients[5], 0};
  for (size_t k = 5; k-- > 0;) {
    sum = times(sum, z);
    sum.re += coefficients[k];
  }
  return sum;
}

static exponentials exponentials_of(complex_number z) {
  const double size = exp(z.re);
  exponentials e = {.exponential = {size * cos(z.im), size * sin(z.im)}};
  if (z.re * z.re + z.im * z.im < 1e-4) {
    e.mean = series((const double[]){1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720}, z);
    e.slope = series((const double[]){1. / 2, 1. / 3, 1. / 8, 1. / 30, 1. / 144, 1. / 840}, z);
  } else {
    e.mean = over(less(e.exponential, (complex_number){1, 0}), z);
    e.slope = over(less(e.exponential, e.mean), z);
  }
  return e;
}

static void store(float *row, size_t width, complex_number a) {
  row[0] = (float)a.re;
  row[width] = (float)a.im;
}

void discretization_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_discretization *a = args;
  const size_t E = a->width, P = a->states;
  for (size_t e = begin; e < end; e++) {
    const double dt = exp(a->log_dt[e]);
    for (size_t n = 0; n < P; n++) {
      const complex_number A = {-exp(a->log_a_real[e * P + n]), a->a_imag[e * P + n]};
      const complex_number c = {a->c[(e * P + n) * 2], a->c[(e * P + n) * 2 + 1]};
      const exponentials x = exponentials_of(scaled(dt, A));
      float *coefficients = a->coefficients + n * 4 * E + e;
      store(coefficients, E, x.exponential);
      store(coefficients + 2 * E, E, times(scaled(2 * dt, c), x.mean));
    }
  }
}

/// conj(slope) * d
static complex_number pulled(complex_number slope, complex_number d) {
  return times((complex_number){slope.re, -slope.im}, d);
}

void discretization_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_discretization_grad *a = args;
  const size_t E = a->width, P = a->states;
  for (size_t e = begin; e < end; e++) {
    const double dt = exp(a->log_dt[e]);
    double d_log_dt = 0;
    for (size_t n = 0; n < P; n++) {
      const complex_number A = {-exp(a->log_a_real[e * P + n]), a->a_imag[e * P + n]};
      const complex_number c = {a->c[(e * P + n) * 2], a->c[(e * P + n) * 2 + 1]};
      const complex_number z = scaled(dt, A), twice_c = scaled(2 * dt, c);
      const exponentials x = exponentials_of(z);
      const float *d = a->d_coefficients + n * 4 * E + e;
      const complex_number d_a = {d[0], d[E]}, d_w = {d[2 * E], d[3 * E]};
      const complex_number d_c = pulled(scaled(2 * dt, x.mean), d_w);
      a->d_c[(e * P + n) * 2] = (float)d_c.re;
      a->d_c[(e * P + n) * 2 + 1] = (float)d_c.im;
      const complex_number of_a = pulled(scaled(dt, x.exponential), d_a);
      const complex_number of_w = pulled(scaled(dt, times(twice_c, x.slope)), d_w);
      a->d_log_a_real[e * P + n] = (float)(A.re * (of_a.re + of_w.re));
      a->d_a_imag[e * P + n] = (float)(of_a.im + of_w.im);
      d_log_dt += pulled(times(x.exponential, z), d_a).re;
      d_log_dt += pulled(times(twice_c, x.exponential), d_w).re;
    }
    a->d_log_dt[e] = (float)d_log_dt;
  }
}
