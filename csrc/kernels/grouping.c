#include "kernels/units.h"

void lmn_group_tokens(const lmn_grouping *a) {
  const size_t L = a->rows, M = a->memories, k = a->routed, C = k + a->shared;
  // Counts, then the place of each memory's next token, one entry after its own.
  for (size_t g = 0; g <= M + a->shared; g++) a->offsets[g] = 0;
  for (size_t i = 0; i < L * k; i++) a->offsets[a->chosen[i] + 1]++;
  for (size_t m = 0; m < M; m++) a->offsets[m + 1] += a->offsets[m];
  for (size_t t = 0; t < L; t++) {
    for (size_t j = 0; j < k; j++) a->places[t * C + j] = a->offsets[a->chosen[t * k + j]]++;
    if (a->shared) a->places[t * C + k] = (int32_t)(L * k + t);
  }
  // Every offset has moved to the beginning of the next memory.
  for (size_t m = M; m > 0; m--) a->offsets[m] = a->offsets[m - 1];
  a->offsets[0] = 0;
  if (a->shared) a->offsets[M + 1] = (int32_t)(L * C);
}
