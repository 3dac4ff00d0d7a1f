// How positions are cut into units and where the partial cotangents stand: what the kernels of
// single-vector attention share with their definitions.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_H
#define LMN_SINGLE_VECTOR_ATTENTION_H

#include "kernels/units.h"

// Node j of level i >= 1 is seen where t + 1 is in [(j + 1) 2^i, (j + 2) 2^i). So units begin where
// t + 1 is a multiple of their size, a power of two: a unit of 2^i positions sees one node of every
// level from i up, and no other unit sees the nodes of its levels until i.
enum {
  LMN_ATTENTION_BLOCK = 16,  // positions of a unit forward
  LMN_ATTENTION_STRETCH_LEVEL = 6,
  LMN_ATTENTION_STRETCH = 1 << LMN_ATTENTION_STRETCH_LEVEL,  // positions of a unit backward
};

/// Positions of a part: indices from `first` up to `end`.
typedef struct {
  size_t first, end;
} lmn_positions;

static inline size_t lmn_position_units(lmn_tree tree, size_t size) {
  return (tree.start + tree.length) / size - (tree.start + 1) / size + 1;
}

static inline lmn_positions lmn_position_unit(lmn_tree tree, size_t size, size_t unit) {
  const size_t before = tree.start + 1, low = (before / size + unit) * size;
  return (lmn_positions){low > before ? low - before : 0,
                         lmn_min(low + size - before, tree.length)};
}

/// The levels above LMN_ATTENTION_STRETCH_LEVEL, whose nodes several units see backward. Each unit
/// leaves what it has for them in a row per level and bank.
static inline size_t lmn_attention_upper_levels(size_t levels) {
  return levels > LMN_ATTENTION_STRETCH_LEVEL ? levels - LMN_ATTENTION_STRETCH_LEVEL : 0;
}

/// The row of the partial cotangents that `unit` leaves for an upper level.
static inline size_t lmn_attention_partial_row(const lmn_tree_map *map, size_t unit, size_t level,
                                               size_t bank) {
  const size_t upper = level - LMN_ATTENTION_STRETCH_LEVEL - 1;
  return (unit * lmn_attention_upper_levels(map->levels) + upper) * map->tree.banks + bank;
}

/// The units, of LMN_ATTENTION_STRETCH positions, that see node `node` of an upper level: from
/// `first` up to `end`, which are equal where none does.
typedef struct {
  size_t first, end;
} lmn_audience;

static inline lmn_audience lmn_attention_audience(lmn_tree tree, size_t level, size_t node) {
  const size_t before = tree.start + 1, size = LMN_ATTENTION_STRETCH;
  const size_t low = (node + 1) << level, high = (node + 2) << level;
  if (high <= before || low >= before + tree.length) return (lmn_audience){0, 0};
  return (lmn_audience){(low > before ? low : before) / size - before / size,
                        (lmn_min(high, before + tree.length) - 1) / size - before / size + 1};
}

#endif
