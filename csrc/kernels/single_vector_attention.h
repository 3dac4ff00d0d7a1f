// Units of positions of single-vector attention, and the layout of partial cotangents.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_H
#define LMN_SINGLE_VECTOR_ATTENTION_H

#include "kernels/units.h"

enum {
  LMN_ATTENTION_BLOCK = 16,          // positions of a unit forward
  LMN_ATTENTION_LARGEST_CHUNK = 81,  // positions of a unit backward, at most
};

/// Positions [first, end) of a part.
typedef struct {
  size_t first, end;
} lmn_positions;

/// Number of units of positions; all but the first begin with t + 1 a multiple of `size`.
static inline size_t lmn_position_units(lmn_tree tree, size_t size) {
  return (tree.start + tree.length) / size - (tree.start + 1) / size + 1;
}

static inline lmn_positions lmn_position_unit(lmn_tree tree, size_t size, size_t unit) {
  const size_t before = tree.start + 1, low = (before / size + unit) * size;
  return (lmn_positions){low > before ? low - before : 0,
                         lmn_min(low + size - before, tree.length)};
}

/// Whether a position sees the nodes of a level without their parent yet, not the newest one.
static inline bool lmn_attention_waits(lmn_tree_shape shape, size_t level) {
  return shape.disjoint && level < shape.maximum_levels;
}

/// Largest number of nodes of a level that a position sees in a bank: the newest one, or all of a
/// family but the last, which completes the parent.
static inline size_t lmn_attention_places(lmn_tree_shape shape, size_t level) {
  return lmn_attention_waits(shape, level) ? shape.arity - 1 : 1;
}

/// Layout of the backward pass. A unit is a chunk of positions, as many as a node of some level has
/// tokens. Cotangents of nodes that one unit alone sees are summed in place; for those of the upper
/// levels a unit writes a partial sum, in a row per level, bank, place and slot.
typedef struct lmn_attention_map {
  lmn_tree_map tree;
  size_t chunk;                         // positions of a unit
  size_t owned_levels;                  // number of levels whose nodes are seen by one unit each
  size_t partial[LMN_MOST_LEVELS + 1];  // first row of an upper level among the rows of a unit
} lmn_attention_map;

static inline lmn_attention_map lmn_attention_map_of(lmn_tree tree) {
  lmn_attention_map map = {.tree = lmn_tree_map_of(tree), .chunk = 1};
  const lmn_tree_shape shape = tree.shape;
  size_t level = 0;
  for (; map.chunk * shape.arity <= LMN_ATTENTION_LARGEST_CHUNK; level++) map.chunk *= shape.arity;
  // The newest node is seen for as many positions as a node has tokens; a node without its parent,
  // for at most as many as the parent has.
  map.owned_levels = level + !shape.disjoint;
  size_t row = 0;
  for (size_t i = map.owned_levels; i <= map.tree.levels; i++) {
    map.partial[i] = row;
    row += shape.banks * lmn_attention_places(shape, i) * map.tree.level[i].slots;
  }
  map.partial[map.tree.levels + 1] = row;
  return map;
}

/// Rows of partial cotangents of a unit.
static inline size_t lmn_attention_unit_rows(const lmn_attention_map *map) {
  return map->partial[map->tree.levels + 1];
}

/// The positions [first, end) that see a node, as numbers of tokens t + 1; both 0 for none.
typedef struct {
  size_t first, end;
} lmn_audience;

static inline lmn_audience lmn_attention_audience(const lmn_attention_map *map, size_t level,
                                                  size_t node) {
  const lmn_tree tree = map->tree.tree;
  const size_t r = tree.shape.arity, span = map->tree.span[level];
  const bool waits = lmn_attention_waits(tree.shape, level);
  const size_t low = (node + 1) * span, high = waits ? (node / r + 1) * r * span : low + span;
  const size_t before = tree.start + 1, after = before + tree.length;
  if (low >= high || high <= before || low >= after) return (lmn_audience){0, 0};
  return (lmn_audience){low > before ? low : before, lmn_min(high, after)};
}

#endif
