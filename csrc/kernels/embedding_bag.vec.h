#ifndef LMN_EMBEDDING_BAG_VEC_H
#define LMN_EMBEDDING_BAG_VEC_H

#include <string.h>

#include "isa/kernel.h"

// vectors[b] = scales[b] * sum of table[id] over the ids of bag b
KERNEL(embedding_bag_forward) {
  const lmn_embedding_bag *a = args;
  const size_t E = a->width;
  for (size_t b = begin; b < end; b++) {
    const size_t first = (size_t)a->offsets[b], last = (size_t)a->offsets[b + 1];
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      vec sum = vec_set(0);
      for (size_t i = first; i < last; i++)
        sum = vec_add(sum, vec_load(a->table + (size_t)a->ids[i] * E + e, lanes));
      vec_store(a->vectors + b * E + e, vec_mul(vec_set(a->scales[b]), sum), lanes);
    }
  }
}

// d_table[v] = sum of scales[b] * d_vectors[b] over the occurrences of v in the bags
// A unit is a range of columns, to which it adds all occurrences, in order.
KERNEL(embedding_bag_backward) {
  const lmn_embedding_bag_grad *a = args;
  const size_t E = a->width, first = begin * LMN_TILE_COLUMNS;
  const size_t columns = lmn_min(end * LMN_TILE_COLUMNS, E) - first;
  for (size_t v = 0; v < a->vocabulary; v++)
    memset(a->d_table + v * E + first, 0, columns * sizeof(float));
  for (size_t b = 0; b < a->bags; b++)
    for (size_t i = (size_t)a->offsets[b]; i < (size_t)a->offsets[b + 1]; i++)
      vec_accumulate(a->d_table + (size_t)a->ids[i] * E + first, a->scales[b],
                     a->d_vectors + b * E + first, columns);
}

#endif
