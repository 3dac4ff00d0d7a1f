// What positions see: how features fill vectors, which positions are worked on together, and which
// slots these have in view.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_VIEW_VEC_H
#define LMN_SINGLE_VECTOR_ATTENTION_VIEW_VEC_H

#include "isa/kernel.h"
#include "kernels/single_vector_attention.h"

/// How the features of a row fill vectors.
typedef struct {
  size_t heads;    // side by side in a vector, a divisor of VEC_LANES: lane l is head l modulo this
  size_t lanes;    // of a vector that are used
  size_t vectors;  // of a row
  size_t stride;   // from one vector of a row to the next
} attention_shape;

// The kernel `name` by `body`, which is compiled for every way to fill vectors. Few heads share a
// vector where the width is whole vectors; otherwise every vectorful of heads, the last one perhaps
// not full, is an attention of its own, whose features stand `heads` apart.
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
  ATTENTION_SLOTS = 64,  // slots that are worked on at once
  ATTENTION_GROUP = 16,  // positions of a group, at most
  ATTENTION_ROW = 64,    // scores of one slot in a group, at most
  ATTENTION_TILE = 8,    // dots in registers, if one slot does not make more
};

// A vector that crosses a line of the cache costs two.
#define ATTENTION_ALIGNED _Alignas(64)

/// Positions of a tile: four, or so many that their scores of one slot fill a vector.
LMN_INLINE size_t tile_size(attention_shape f) {
  return VEC_LANES / f.heads < 4 ? 4 : VEC_LANES / f.heads;
}

/// Positions of a group: some tiles, so that work waits less for its own results.
LMN_INLINE size_t group_size(attention_shape f) {
  return lmn_min(ATTENTION_ROW / f.heads, ATTENTION_GROUP);
}

/// Scores of one slot: position by position, the heads of a vector.
LMN_INLINE size_t group_row(attention_shape f) { return group_size(f) * f.heads; }

/// The levels of a tree, and how many bits count the children of a node; 0 where no number of bits
/// does.
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

/// A score that leaves no weight; finite, so that differences are.
#define ATTENTION_UNSEEN -1e30f

/// Neighbouring positions of a part for which the same levels have nodes.
typedef struct {
  size_t first, count;
  size_t tokens;  // t + 1 of the first
  size_t levels;  // the highest that has a node
} attention_group;

/// How many nodes a level has after so many tokens.
LMN_INLINE size_t finished_nodes(const attention_levels *levels, size_t level, size_t tokens) {
  return levels->bits ? tokens >> level * levels->bits : tokens / levels->map.tree.span[level];
}

/// The group that begins at `first`. Tiles and groups end at `end`, where t + 1 is a multiple of
/// their size, so that the positions of a tile see one node of every level that spans it where the
/// arity is a power of two, and where a level appears.
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

/// How much of a row of scores the group's tiles fill.
LMN_INLINE size_t group_scores(attention_shape f, attention_group group) {
  return lmn_units(group.count, tile_size(f)) * tile_size(f) * f.heads;
}

/// Place q of a group, or the last one's where there is no position.
LMN_INLINE size_t group_place(attention_group group, size_t q) {
  return lmn_min(q, group.count - 1);
}

/// Slots that a group sees, of ATTENTION_SLOTS in order: its positions' tokens, then level by
/// level, bank by bank, node by node.
typedef struct {
  size_t level, bank, place, slot;  // of the one behind these
  size_t index;                     // of that among its level's
  bool whole;                       // whether these are all
  size_t own;                       // slots that differ between the positions of a tile
  size_t common;                    // slots behind those, that do not
  size_t levels[ATTENTION_SLOTS], places[ATTENTION_SLOTS], indices[ATTENTION_SLOTS];
  // Per own slot one for each position of a group, per common one for each tile.
  const float *rows[ATTENTION_SLOTS * ATTENTION_GROUP];
} attention_view;

/// Whether nodes of a level change inside a tile of the group, as they then do below it too.
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

/// Whether the position with number `tokens` sees the node at `place` of its level's families.
LMN_INLINE bool sees_place(const attention_levels *levels, size_t level, size_t place,
                           size_t tokens) {
  if (!shows_waiting(levels, level)) return true;
  return place < finished_nodes(levels, level, tokens) % levels->map.tree.tree.shape.arity;
}

/// The node that is seen at a place of a level.
LMN_INLINE size_t node_at(const attention_levels *levels, size_t level, size_t place,
                          size_t tokens) {
  const size_t finished = finished_nodes(levels, level, tokens);
  if (!shows_waiting(levels, level)) return finished - 1;
  return finished - finished % levels->map.tree.tree.shape.arity + place;
}

/// Fills the view with the next slots; the first ones where that is `first`. A whole view may be
/// that of the group before, of which only what changes is written.
LMN_INLINE void view_next(attention_shape f, attention_view *view, bool first,
                          const attention_levels *levels, attention_group group, const float *slots,
                          size_t width) {
  const lmn_tree_map *map = &levels->map.tree;
  const bool steady = levels->bits && !levels->disjoint;
  // Blocks begin at the same slots whoever is in the group, so those that nobody sees count too.
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
      // Nodes from here up are the same as before.
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
            // Where a position does not see the place, any row will do.
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

/// What a slot in view shows to position `q` of the group.
LMN_INLINE const float *view_row(attention_shape f, const attention_view *view, size_t slot,
                                 size_t q) {
  const size_t size = group_size(f), tiles = size / tile_size(f);
  return slot < view->own
             ? view->rows[slot * size + q]
             : view->rows[view->own * size + (slot - view->own) * tiles + q / tile_size(f)];
}

/// rows[q] = the row of position q.
LMN_INLINE void group_rows(attention_shape f, attention_group group, const float *first,
                           size_t width, const float **rows) {
  for (size_t q = 0; q < group_size(f); q++)
    rows[q] = first + (group.first + group_place(group, q)) * width;
}

#endif
