#include "kernels/units.h"

void embedding_bag_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_embedding_bag *a = args;
  for (size_t b = begin; b < end; b++)
    for (size_t e = 0; e < a->width; e++) {
      double sum = 0;
      for (size_t i = (size_t)a->offsets[b]; i < (size_t)a->offsets[b + 1]; i++)
        sum += a->table[(size_t)a->ids[i] * a->width + e];
      a->vectors[b * a->width + e] = (float)(a->scales[b] * sum);
    }
}

void embedding_bag_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_embedding_bag_grad *a = args;
  const size_t E = a->width;
  for (size_t e = begin * LMN_TILE_COLUMNS; e < end * LMN_TILE_COLUMNS && e < E; e++)
    for (size_t v = 0; v < a->vocabulary; v++) {
      double sum = 0;
      for (size_t b = 0; b < a->bags; b++)
        for (size_t i = (size_t)a->offsets[b]; i < (size_t)a->offsets[b + 1]; i++)
          if ((size_t)a->ids[i] == v) sum += (double)a->scales[b] * a->d_vectors[b * E + e];
      a->d_table[v * E + e] = (float)sum;
    }
}
