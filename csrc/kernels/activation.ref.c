#include <math.h>

#include "kernels/units.h"

static void activate(double (*function)(double), const lmn_activation *a, size_t begin,
                     size_t end) {
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++)
    a->activated[i] = (float)function(a->x[i]);
}

static void multiply_by_slope(double (*slope)(double), const lmn_activation_grad *a, size_t begin,
                              size_t end) {
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++)
    a->d_x[i] = (float)(a->d_activated[i] * slope(a->x[i]));
}

static double silu(double x) { return x / (1 + exp(-x)); }

static double silu_slope(double x) {
  const double sigmoid = 1 / (1 + exp(-x));
  return sigmoid * (1 + x * (1 - sigmoid));
}

void silu_forward_reference(const void *args, size_t begin, size_t end) {
  activate(silu, args, begin, end);
}

void silu_backward_reference(const void *args, size_t begin, size_t end) {
  multiply_by_slope(silu_slope, args, begin, end);
}

/// Cumulative normal distribution.
static double normal_below(double x) { return erfc(-x * sqrt(0.5)) / 2; }

static double gelu(double x) { return x * normal_below(x); }

static double gelu_slope(double x) {
  const double density = exp(-x * x / 2) * 0.3989422804014326779;  // 1 / sqrt(2 pi)
  return normal_below(x) + x * density;
}

void gelu_forward_reference(const void *args, size_t begin, size_t end) {
  activate(gelu, args, begin, end);
}

void gelu_backward_reference(const void *args, size_t begin, size_t end) {
  multiply_by_slope(gelu_slope, args, begin, end);
}

static double relu(double x) { return x < 0 ? 0 : x; }

static double relu_slope(double x) { return x > 0; }

void relu_forward_reference(const void *args, size_t begin, size_t end) {
  activate(relu, args, begin, end);
}

void relu_backward_reference(const void *args, size_t begin, size_t end) {
  multiply_by_slope(relu_slope, args, begin, end);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double sigmoid_slope(double x) { return sigmoid(x) * sigmoid(-x); }

void sigmoid_forward_reference(const void *args, size_t begin, size_t end) {
  activate(sigmoid, args, begin, end);
}

void sigmoid_backward_reference(const void *args, size_t begin, size_t end) {
  multiply_by_slope(sigmoid_slope, args, begin, end);
}

static double log_sigmoid(double x) { return fmin(x, 0) - log1p(exp(-fabs(x))); }

static double log_sigmoid_slope(double x) { return 1 / (1 + exp(x)); }

void log_sigmoid_forward_reference(const void *args, size_t begin, size_t end) {
  activate(log_sigmoid, args, begin, end);
}

void log_sigmoid_backward_reference(const void *args, size_t begin, size_t end) {
  multiply_by_slope(log_sigmoid_slope, args, begin, end);
}
