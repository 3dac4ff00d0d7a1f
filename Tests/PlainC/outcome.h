// Inputs and results of the kernels under test, and the memory that they use.
#pragma once

#include <stddef.h>

enum { MOST_RESULTS = 192, MOST_ALLOCATIONS = 384 };

/// Values that a kernel wrote.
typedef struct {
  const char *name;
  const float *values;
  size_t count;
} result;

/// Results of a computation and all memory that it used.
typedef struct {
  result results[MOST_RESULTS];
  void *memory[MOST_ALLOCATIONS];
  size_t count, allocations;
} outcome;

/// Memory of an outcome; aborts without any.
void *allocate(outcome *, size_t bytes);

/// Frees the memory and forgets the results.
void release(outcome *);

/// Uniform in [-scale, scale), the same for the same seed.
float *random_values(outcome *, unsigned seed, size_t count, float scale);

/// Values that no kernel has written yet.
float *unwritten(outcome *, size_t count);

/// Adds values to the results, and returns them.
float *add_result(outcome *, const char *name, float *values, size_t count);

#define OUT(name, count_) float *name = add_result(o, #name, unwritten(o, count_), count_)
#define IN_OUT(name, values, count_) float *name = add_result(o, #name, values, count_)
