// Embedding, bags, and sinusoidal and rotary positions.
#include "topics.h"

void run_embedding(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length, E = c->width;
  const float *dy = random_values(o, 2, L * E, 1);
  int32_t *ids = allocate(o, L * sizeof *ids);
  for (size_t i = 0; i < L; i++) ids[i] = (int32_t)(i * i % V);
  const float *table = random_values(o, 5, V * E, 1);
  OUT(vectors, L * E);
  lmn_embedding_forward(context, &(lmn_embedding){L, V, E, ids, table, vectors});
  OUT(d_table, V * E);
  lmn_embedding_backward(context, &(lmn_embedding_grad){L, V, E, ids, dy, d_table});
  int32_t offsets[] = {0, (int32_t)(L / 3), (int32_t)L};
  const float scales[] = {0.5f, 2};
  OUT(sums, 2 * E);
  lmn_embedding_bag_forward(context,
                            &(lmn_embedding_bag){2, V, E, offsets, ids, scales, table, sums});
  OUT(d_rows, V * E);
  lmn_embedding_bag_backward(
      context, &(lmn_embedding_bag_grad){2, V, E, offsets, ids, scales, table, d_rows});
  int64_t *positions = allocate(o, L * sizeof *positions);
  for (size_t i = 0; i < L; i++) positions[i] = 1000 * (int64_t)i;
  double *frequencies = allocate(o, (E + 1) / 2 * sizeof *frequencies);
  for (size_t i = 0; i < (E + 1) / 2; i++) frequencies[i] = 0.1 / (1 + (double)i);
  OUT(encodings, L * E);
  lmn_sinusoid_forward(context, &(lmn_sinusoid){L, E, positions, frequencies, encodings});
}

/// Rotary positions, which need heads of even width.
void run_rotary(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length, E = c->width, H = c->heads;
  if (E / H % 2) return;
  const float *x = random_values(o, 22, L * 3 * E, 1);
  int64_t *positions = allocate(o, L * sizeof *positions);
  double *frequencies = allocate(o, E / H / 2 * sizeof *frequencies);
  for (size_t t = 0; t < L; t++) positions[t] = (int64_t)(c->start + t);
  for (size_t i = 0; i < E / H / 2; i++) frequencies[i] = 0.1 / (double)(i + 1);
  OUT(rotated, L * 3 * E);
  lmn_rotary_forward(context, &(lmn_rotary){L, 3 * E, 2 * H, E / H, c->start > 0, positions,
                                            frequencies, x, rotated});
}
