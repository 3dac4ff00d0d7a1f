#include "kernels/units.h"

void embedding_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_embedding *a = args;
  for (size_t r = begin; r < end; r++)
    for (size_t e = 0; e < a->width; e++)
      a->vectors[r * a->width + e] = a->table[(size_t)a->ids[r] * a->width + e];
}

void embedding_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_embedding_grad *a = args;
  const size_t E = a->width;
  for (size_t e = begin * LMN_TILE_COLUMNS; e < end * LMN_TILE_COLUMNS && e < E; e++)
    for (size_t v = 0; v < a->vocabulary; v++) {
      double sum = 0;
      for (size_t r = 0; r < a->rows; r++)
        if ((size_t)a->ids[r] == v) sum += a->d_vectors[r * E + e];
      a->d_table[v * E + e] = (float)sum;
    }
}
