#include "outcome.h"

#include <math.h>
#include <stdlib.h>

void *allocate(outcome *o, size_t bytes) {
  if (o->allocations == MOST_ALLOCATIONS) abort();
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory) abort();
  return o->memory[o->allocations++] = memory;
}

void release(outcome *o) {
  while (o->allocations) free(o->memory[--o->allocations]);
  o->count = 0;
}

float *random_values(outcome *o, unsigned seed, size_t count, float scale) {
  float *values = allocate(o, count * sizeof *values);
  unsigned long long state = seed;
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    values[i] = scale * ((float)(state >> 40) / (float)(1 << 23) - 1);
  }
  return values;
}

float *unwritten(outcome *o, size_t count) {
  float *values = allocate(o, count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = NAN;
  return values;
}

float *add_result(outcome *o, const char *name, float *values, size_t count) {
  if (o->count == MOST_RESULTS) abort();
  o->results[o->count++] = (result){name, values, count};
  return values;
}
