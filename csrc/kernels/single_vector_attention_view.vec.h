// Layout of features in vectors, groups of positions that are computed together, and the slots that
// a group sees.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_VIEW_VEC_H
#define LMN_SINGLE_VECTOR_ATTENTION_VIEW_VEC_H

#include "isa/kernel.h"
#include "kernels/single_vector_attention.h"

/// Layout of the features of a row in vectors.
typedef struct {
  size_t heads;    // side by side in a vector, a divisor of VEC_LANES: lane l is head l modulo this
  size_t lanes;    // of a vector that are used
  size_t vectors;  // of a row
  size_t stride;   // from one vector of a row to the next
} attention_shape;

// The kernel `name` as `body`, compiled for every layout. A few heads share a vector if the width
// is whole vectors; otherwise every VEC_LANES heads, or the rest of them, are an attention of their
// own, with features that are `heads` apart.
#define ATTENTION_CASE(body, count)                                                            \
  if (count < VEC_LANES && heads == count && width % VEC_LANES == 0) {                         \
    body((attention_shape){count, VEC_LANES, width / VEC_LANES, VEC_LANES}, a, 0, begin, end); \
    return;                                                                                    \
  }
#define ATTENTION_KERNEL(name, arguments, body)                                                \
  KERNEL(name) {                                                                               \
    const arguments *a = args;                                                                 \
    const size_t width = a->width, heads = a->heads;                                           \
    ATTENTION_CASE(body, 1)                                                                    \
    ATTENTION_CASE(body, 2)                                                                    \
    ATTENTION_CASE(body, 4)                                                                    \
    ATTENTION_CASE(body, 8)                                                                    \
    for (size_t h = 0; h < heads; h += VEC_LANES) {                                            \
      const size_t lanes = vec_lanes(heads - h);                                               \
      if (lanes == VEC_LANES)                                                                  \
        body((attention_shape){VEC_LANES, VEC_LANES, width / heads, heads}, a, h, begin, end); \
      else                                                                                     \
        body((attention_shape){VEC_LANES, lanes, width / heads, heads}, a, h, begin, end);     \
    }                                                                                          \
  }

enum {
  ATTENTION_SLOTS = 64,  // slots of a block
  ATTENTION_GROUP = 16,  // positions of a group, at most
  ATTENTION_ROW = 64,    // scores of one slot in a group, at most
  ATTENTION_TILE = 8,    // dots in registers, or those of one slot if they are more
};

// A vector that crosses a cache line costs two accesses.
#define ATTENTION_ALIGNED _Alignas(64)

/// Positions of a tile: their scores of one slot fill a vector; at least 4.
LMN_INLINE size_t tile_size(attention_shape f) {
  return VEC_LANES / f.heads < 4 ? 4 : VEC_LANES / f.heads;
}

/// Positions of a group: several tiles, for more independent work.
LMN_INLINE size_t group_size(attention_shape f) {
  return lmn_min(ATTENTION_ROW / f.heads, ATTENTION_GROUP);
}

/// Scores of one slot: per position, the heads of a vector.
LMN_INLINE size_t group_row(attention_shape f) { return group_size(f) * f.heads; }

/// The levels of a tree; `bits` is the logarithm of an arity that is a power of two, otherwise 0.
typedef struct {
  lmn_attention_map map;
  size_t bits;
  bool disjoint;
} attention_levels;

static attention_levels attention_levels_of(lmn_tree tree) {
  attention_levels levels = {.map = lmn_attention_map_of(tree), .disjoint = tree.shape.disjoint};
  if ((tree.shape.arity & (tree.shape.arity - 1)) == 0)
    while (tree.shape.arity >> levels.bits > 1) levels.bits++;
  return levels;
}

LMN_INLINE bool shows_waiting(const attention_levels *levels, size_t level) {
  return lmn_attention_waits(levels->map.tree.tree.shape, level);
}

/// Score of an unseen slot: its weight is 0, and differences of scores are finite.
#define ATTENTION_UNSEEN -1e30f

/// Consecutive positions of a part for which the same levels have nodes.
typedef struct {
  size_t first, count;
  size_t tokens;  // t + 1 of the first
  size_t levels;  // the highest level that has a node
} attention_group;

/// Number of nodes of a level after `tokens` tokens.
LMN_INLINE size_t finished_nodes(const attention_levels *levels, size_t level, size_t tokens) {
  return levels->bits ? tokens >> level * levels->bits : tokens / levels->map.tree.span[level];
}

/// The group that begins at `first`. Tiles and groups end at `end`, before t + 1 is a multiple of
/// their size, and before a level gets its first node. With an arity that is a power of two, the
/// positions of a tile thus see one node of every level with nodes of at least a tile's tokens.
LMN_INLINE attention_group group_at(attention_shape f, const attention_levels *levels, size_t first,
                                    size_t end) {
  const lmn_tree_map *map = &levels->map.tree;
  const size_t tokens = map->tree.start + first + 1;
  const size_t size = tokens % tile_size(f) ? tile_size(f) : group_size(f);
  size_t top = map->levels;
  while (tokens < map->span[top]) top--;
  size_t next = tokens / size * size + size;
  if (top < map->levels) next = lmn_min(next, map->span[top + 1]);
  return (attention_group){first, lmn_min(next - tokens, end - first), tokens, top};
}

/// Scores of one slot in the tiles of the group.
LMN_INLINE size_t group_scores(attention_shape f, attention_group group) {
  return lmn_units(group.count, tile_size(f)) * tile_size(f) * f.heads;
}

/// Index q of a group, or the last one if q is beyond it.
LMN_INLINE size_t group_place(attention_group group, size_t q) {
  return lmn_min(q, group.count - 1);
}

/// Block of at most ATTENTION_SLOTS slots that a group sees: the tokens of its positions, then
/// ordered by level, bank and node.
typedef struct {
  size_t level, bank, place, slot;  // of the next slot
  size_t index;                     // of the next slot in its level
  bool whole;                       // whether the block has all slots
  size_t own;                       // slots that differ between the positions of a tile
  size_t common;                    // slots after those, the same for a tile
  size_t levels[ATTENTION_SLOTS], places[ATTENTION_SLOTS], indices[ATTENTION_SLOTS];
  // Per own slot a row for each position of a group, per common slot for each tile.
  const float *rows[ATTENTION_SLOTS * ATTENTION_GROUP];
} attention_view;

/// Whether positions of a tile of the group see different nodes of a level.
LMN_INLINE bool level_is_own(attention_shape f, const attention_levels *levels,
                             attention_group group, size_t level) {
  const size_t size = tile_size(f);
  if (levels->bits) return levels->map.tree.span[level] < size;
  for (size_t q = 0; q < group.count; q += size)
    if (finished_nodes(levels, level, group.tokens + q) !=
        finished_nodes(levels, level, group.tokens + lmn_min(q + size, group.count) - 1))
      return true;
  return false;
}

/// Whether the position t = tokens - 1 sees the node at `place` of a family of the level.
LMN_INLINE bool sees_place(const attention_levels *levels, size_t level, size_t place,
                           size_t tokens) {
  if (!shows_waiting(levels, level)) return true;
  return place < finished_nodes(levels, level, tokens) % levels->map.tree.tree.shape.arity;
}

/// Index of the node at a place of a level.
LMN_INLINE size_t node_at(const attention_levels *levels, size_t level, size_t place,
                          size_t tokens) {
  const size_t finished = finished_nodes(levels, level, tokens);
  if (!shows_waiting(levels, level)) return finished - 1;
  return finished - finished % levels->map.tree.tree.shape.arity + place;
}

/// Fills the view with the next block of slots, or the first one if `first`. Of a whole view of the
/// previous group, only changed rows are written.
LMN_INLINE void view_next(attention_shape f, attention_view *view, bool first,
                          const attention_levels *levels, attention_group group, const float *slots,
                          size_t width) {
  const lmn_tree_map *map = &levels->map.tree;
  const bool steady = levels->bits && !levels->disjoint;
  // Unseen slots count too, so that blocks begin at the same slots for every group.
  size_t count = 0, passed = 0;
  if (first) {
    view->level = view->bank = view->place = view->slot = view->index = 0;
  } else {
    view->whole = false;
  }
  if (!view->whole || !steady) view->own = 0;
  const float **rows = view->rows;
  for (; view->level <= group.levels; view->level++, view->bank = view->index = 0) {
    const size_t level = view->level, banks = level ? map->tree.shape.banks : 1;
    const lmn_tree_level *nodes = &map->level[level];
    if (view->whole && steady && map->span[level] >= group_size(f) &&
        group.tokens % map->span[level]) {
      // The rest of the view is unchanged.
      view->level = group.levels + 1;
      return;
    }
    const size_t places = lmn_attention_places(map->tree.shape, level);
    const bool own = level_is_own(f, levels, group, level);
    for (; view->bank < banks; view->bank++, view->place = 0)
      for (; view->place < places; view->place++, view->slot = 0) {
        bool seen = !levels->disjoint;
        for (size_t q = 0; q < group.count && !seen; q++)
          seen = sees_place(levels, level, view->place, group.tokens + q);
        for (; view->slot < nodes->slots; view->slot++, view->index++) {
          if (passed == ATTENTION_SLOTS && count) {
            view->common = count - view->own;
            return;
          }
          passed = passed == ATTENTION_SLOTS ? 1 : passed + 1;
          if (!seen) continue;
          const size_t base = nodes->row + view->bank * map->bank_rows + view->slot;
          for (size_t q = 0; q < group_size(f); q += own ? 1 : tile_size(f)) {
            const size_t tokens = group.tokens + group_place(group, q);
            const size_t node = node_at(levels, level, view->place, tokens);
            const size_t row = base + (node - nodes->first) * nodes->slots;
            // Any row for an unseen place: its weight is 0.
            *rows++ =
                slots + (sees_place(levels, level, view->place, tokens) ? row : 0) * 2 * width;
          }
          view->levels[count] = level;
          view->places[count] = view->place;
          view->indices[count++] = view->index;
          if (own) view->own = count;
        }
      }
  }
  view->whole = first;
  view->common = count - view->own;
}

/// Row of a slot in view for position `q` of the group.
LMN_INLINE const float *view_row(attention_shape f, const attention_view *view, size_t slot,
                                 size_t q) {
  const size_t size = group_size(f), tiles = size / tile_size(f);
  return slot < view->own
             ? view->rows[slot * size + q]
             : view->rows[view->own * size + (slot - view->own) * tiles + q / tile_size(f)];
}

/// rows[q] = row of position q.
LMN_INLINE void group_rows(attention_shape f, attention_group group, const float *first,
                           size_t width, const float **rows) {
  for (size_t q = 0; q < group_size(f); q++)
    rows[q] = first + (group.first + group_place(group, q)) * width;
}

#endif
