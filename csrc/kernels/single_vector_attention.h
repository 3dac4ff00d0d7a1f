// What the kernels of single-vector attention share with their definitions.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_H
#define LMN_SINGLE_VECTOR_ATTENTION_H

#include "kernels/units.h"

/// One level, whose nodes, bank after bank, are the units of the backward pass.
typedef struct {
  const lmn_single_vector_attention_grad *grad;
  size_t level;
} single_vector_attention_grad_level;

/// The positions of the part that see a node: indices from `first`, `count` of them.
typedef struct {
  size_t first, count;
} lmn_audience;

/// Node j of level i >= 1 is seen from position (j + 1) 2^i - 1 to (j + 2) 2^i - 2, a token by
/// itself alone; both cut to the part.
static inline lmn_audience lmn_tree_audience(lmn_tree tree, size_t level, size_t node) {
  const size_t first = level ? ((node + 1) << level) - 1 : node;
  const size_t end = level ? first + ((size_t)1 << level) : node + 1;
  const size_t low = first > tree.start ? first - tree.start : 0;
  const size_t high = end > tree.start ? lmn_min(end - tree.start, tree.length) : 0;
  return (lmn_audience){low, high > low ? high - low : 0};
}

/// Walks over the rows that one position sees: its own, then level by level, bank by bank.
typedef struct {
  const lmn_tree_map *map;
  size_t position, level, bank;
} lmn_view;

static inline lmn_view lmn_view_at(const lmn_tree_map *map, size_t index) {
  return (lmn_view){.map = map, .position = map->tree.start + index};
}

/// The next row in view; false when there is none.
static inline bool lmn_view_next(lmn_view *view, size_t *row) {
  const lmn_tree_map *map = view->map;
  if (view->level > map->levels) return false;
  const lmn_tree_level *nodes = &map->level[view->level];
  if (view->level == 0) {
    *row = view->position - nodes->first;
    view->level = 1;
    return true;
  }
  const size_t finished = (view->position + 1) >> view->level;
  if (finished == 0) return false;
  *row = nodes->row + finished - 1 - nodes->first + view->bank * map->bank_rows;
  if (++view->bank == map->tree.banks) {
    view->bank = 0;
    view->level++;
  }
  return true;
}

#endif
