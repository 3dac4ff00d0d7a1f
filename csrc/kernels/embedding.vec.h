#ifndef LMN_EMBEDDING_VEC_H
#define LMN_EMBEDDING_VEC_H

#include <string.h>

#include "isa/kernel.h"

// vectors[r] = table[ids[r]]
KERNEL(embedding_forward) {
  const lmn_embedding *a = args;
  for (size_t r = begin; r < end; r++)
    memcpy(a->vectors + r * a->width, a->table + (size_t)a->ids[r] * a->width,
           a->width * sizeof(float));
}

// d_table[v] = sum of d_vectors[r] over the rows with ids[r] = v
// A unit is a range of columns, of which it adds all rows, in order.
KERNEL(embedding_backward) {
  const lmn_embedding_grad *a = args;
  const size_t E = a->width, first = begin * LMN_TILE_COLUMNS;
  const size_t columns = lmn_min(end * LMN_TILE_COLUMNS, E) - first;
  for (size_t v = 0; v < a->vocabulary; v++)
    memset(a->d_table + v * E + first, 0, columns * sizeof(float));
  for (size_t r = 0; r < a->rows; r++)
    vec_accumulate(a->d_table + (size_t)a->ids[r] * E + first, 1, a->d_vectors + r * E + first,
                   columns);
}

#endif
