// Inputs and results of the kernels under test, and the memory that they use.
#pragma once

#include <math.h>
#include <stdlib.h>

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

static void *allocate(outcome *o, size_t bytes) {
  if (o->allocations == MOST_ALLOCATIONS) abort();
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory) abort();
  return o->memory[o->allocations++] = memory;
}

static void release(outcome *o) {
  while (o->allocations) free(o->memory[--o->allocations]);
  o->count = 0;
}

/// Uniform in [-scale, scale), the same for the same seed.
static float *random_values(outcome *o, unsigned seed, size_t count, float scale) {
  float *values = allocate(o, count * sizeof *values);
  unsigned long long state = seed;
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    values[i] = scale * ((float)(state >> 40) / (float)(1 << 23) - 1);
  }
  return values;
}

/// Values that no kernel has written yet.
static float *unwritten(outcome *o, size_t count) {
  float *values = allocate(o, count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = NAN;
  return values;
}

static float *add_result(outcome *o, const char *name, float *values, size_t count) {
  if (o->count == MOST_RESULTS) abort();
  o->results[o->count++] = (result){name, values, count};
  return values;
}

#define OUT(name, count_) float *name = add_result(o, #name, unwritten(o, count_), count_)
#define IN_OUT(name, values, count_) float *name = add_result(o, #name, values, count_)
