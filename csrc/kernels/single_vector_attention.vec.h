// Every slot asks, one vector answers. Positions are worked on in groups that see the same nodes
// from a low level up: all scores, then all weights, then all sums.
//
// A dot has the same bits wherever it is computed and sums over slots go slot by slot, in blocks
// that are the same for every group, so a position gets the same output in any part, in any group
// and alone.
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

/// Whether positions see the nodes of a level that wait for siblings, not the newest one.
LMN_INLINE bool shows_waiting(const attention_levels *levels, size_t level) {
  return levels->disjoint && level < levels->map.tree.tree.shape.highest_level;
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

/// dots[s][q][h] = scale * sum of slots[s][e] * keys[q][e] over the features of head h, for a tile
/// of positions and `count` slots, a constant. Slots are `step` pointers apart, own ones with one
/// for each position.
LMN_INLINE void head_dots_tile(attention_shape f, const size_t count, const bool own,
                               const float *const *slots, size_t step, size_t offset,
                               const float *const *keys, float scale, float *dots) {
  const size_t size = tile_size(f);
  vec sums[ATTENTION_TILE + VEC_LANES];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < count * size; i++) sums[i] = vec_set(0);
#pragma clang loop unroll(disable)
  for (size_t v = 0, e = 0; v < f.vectors; v++, e += f.stride) {
#pragma clang loop unroll(full)
    for (size_t q = 0; q < size; q++) {
      const vec key = vec_load(keys[q] + e, f.lanes);
#pragma clang loop unroll(full)
      for (size_t s = 0; s < count; s++)
        sums[s * size + q] =
            vec_fma(vec_load(slots[s * step + (own ? q : 0)] + offset + e, f.lanes), key,
                    sums[s * size + q]);
    }
  }
  // As many dots as fill a vector are folded together.
  const size_t together = VEC_LANES / f.heads;
#pragma clang loop unroll(full)
  for (size_t s = 0; s < count; s++)
#pragma clang loop unroll(full)
    for (size_t q = 0; q < size; q += together)
      vec_store(dots + s * group_row(f) + q * f.heads,
                vec_mul(vec_fold_all(sums + s * size + q, f.heads), vec_set(scale)), VEC_LANES);
}

/// The same for all slots in view and the group's tiles.
LMN_INLINE void view_dots(attention_shape f, attention_group group, const attention_view *view,
                          size_t offset, const float *const *keys, float scale, float *dots) {
  const size_t tile = tile_size(f), size = group_size(f), row = group_row(f), tiles = size / tile;
  const size_t together = tile < ATTENTION_TILE ? ATTENTION_TILE / tile : 1;
  const float *const *rows = view->rows;
  for (size_t s = 0; s < view->own; s++, rows += size, dots += row)
    for (size_t q = 0; q < group.count; q += tile)
      head_dots_tile(f, 1, true, rows + q, size, offset, keys + q, scale, dots + q * f.heads);
  size_t s = 0;
  for (; s + together <= view->common;
       s += together, rows += together * tiles, dots += together * row)
    for (size_t q = 0; q < group.count; q += tile)
      head_dots_tile(f, together, false, rows + q / tile, tiles, offset, keys + q, scale,
                     dots + q * f.heads);
  for (; s < view->common; s++, rows += tiles, dots += row)
    for (size_t q = 0; q < group.count; q += tile)
      head_dots_tile(f, 1, false, rows + q / tile, tiles, offset, keys + q, scale,
                     dots + q * f.heads);
}

/// Adds the levels' biases to scores, and takes those away whose slot a position does not see.
LMN_INLINE void view_bias(attention_shape f, const attention_levels *levels, attention_group group,
                          const attention_view *view, const float *bias, size_t heads,
                          float *scores) {
  if (!bias && !levels->disjoint) return;
  const size_t used = lmn_min(f.heads, f.lanes);
  for (size_t s = 0; s < view->own + view->common; s++, scores += group_row(f))
    for (size_t q = 0; q < group_scores(f, group) / f.heads; q++) {
      float *score = scores + q * f.heads;
      const size_t tokens = group.tokens + group_place(group, q);
      if (!sees_place(levels, view->levels[s], view->places[s], tokens))
        vec_store(score, vec_set(ATTENTION_UNSEEN), f.heads);
      else if (bias)
        vec_store(score,
                  vec_add(vec_load(score, used), vec_load(bias + view->levels[s] * heads, used)),
                  used);
    }
}

/// Softmax over slots that come in blocks (arXiv 1805.02867), of a row of scores.
typedef struct {
  ATTENTION_ALIGNED float largest[ATTENTION_ROW];
  float normalizer[ATTENTION_ROW];  // sum of exp(score - largest)
  float kept[ATTENTION_ROW];        // of what stands for earlier blocks
} attention_softmax;

/// scores[s] = exp(scores[s] - largest), for the first `used` scores of each row
LMN_INLINE void softmax_add(attention_softmax *softmax, size_t row, size_t used, bool first,
                            size_t count, float *scores) {
  for (size_t r = 0; r < used; r += VEC_LANES) {
    const vec before = first ? vec_set(-INFINITY) : vec_load(softmax->largest + r, VEC_LANES);
    vec largest = before;
    for (size_t s = 0; s < count; s++)
      largest = vec_max(largest, vec_load(scores + s * row + r, VEC_LANES));
    vec_store(softmax->largest + r, largest, VEC_LANES);
    if (!first) vec_store(softmax->kept + r, vec_exp(vec_sub(before, largest)), VEC_LANES);
  }
  for (size_t r = 0; r < used; r += VEC_LANES) {
    const vec largest = vec_load(softmax->largest + r, VEC_LANES);
    vec sum = first ? vec_set(0)
                    : vec_mul(vec_load(softmax->kept + r, VEC_LANES),
                              vec_load(softmax->normalizer + r, VEC_LANES));
    for (size_t s = 0; s < count; s++) {
      float *score = scores + s * row + r;
      const vec weight = vec_exp(vec_sub(vec_load(score, VEC_LANES), largest));
      vec_store(score, weight, VEC_LANES);
      sum = vec_add(sum, weight);
    }
    vec_store(softmax->normalizer + r, sum, VEC_LANES);
  }
}

/// How a sum over slots begins and ends.
typedef struct {
  bool first;           // whether it begins with zero, otherwise with what is there,
  const float *kept;    // times these, a row, where it is not NULL
  const float *factor;  // what the sum is multiplied with, a row, or NULL
} attention_bounds;

/// sums[q][e] = begin + sum over the slots in view of weights[s][q][head of e] * slots[s][q][e],
/// for four positions from `place` on and `vectors` vectors, a constant.
LMN_INLINE void weighted_sums_tile(attention_shape f, const size_t vectors,
                                   const attention_view *view, size_t offset, const float *weights,
                                   attention_bounds bounds, size_t place, size_t count, float *sums,
                                   size_t width) {
  const size_t size = group_size(f), row = group_row(f), tiles = size / tile_size(f);
  vec sum[4][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t q = 0; q < 4; q++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
      sum[q][v] = vec_set(0);
      if (bounds.first || q >= count) continue;
      sum[q][v] = vec_load(sums + q * width + v * f.stride, f.lanes);
      if (bounds.kept)
        sum[q][v] = vec_mul(sum[q][v], vec_repeat(bounds.kept + (place + q) * f.heads, f.heads));
    }
  weights += place * f.heads;
  const float *const *rows = view->rows + place;
  for (size_t s = 0; s < view->own; s++, rows += size, weights += row)
#pragma clang loop unroll(full)
    for (size_t q = 0; q < 4; q++) {
      const vec weight = vec_repeat(weights + q * f.heads, f.heads);
#pragma clang loop unroll(full)
      for (size_t v = 0; v < vectors; v++)
        sum[q][v] = vec_fma(weight, vec_load(rows[q] + offset + v * f.stride, f.lanes), sum[q][v]);
    }
  rows = view->rows + view->own * size + place / tile_size(f);
  for (size_t s = 0; s < view->common; s++, rows += tiles, weights += row) {
    vec slot[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) slot[v] = vec_load(*rows + offset + v * f.stride, f.lanes);
#pragma clang loop unroll(full)
    for (size_t q = 0; q < 4; q++) {
      const vec weight = vec_repeat(weights + q * f.heads, f.heads);
#pragma clang loop unroll(full)
      for (size_t v = 0; v < vectors; v++) sum[q][v] = vec_fma(weight, slot[v], sum[q][v]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t q = 0; q < 4; q++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
      if (q >= count) continue;
      if (bounds.factor)
        sum[q][v] = vec_mul(sum[q][v], vec_repeat(bounds.factor + (place + q) * f.heads, f.heads));
      vec_store(sums + q * width + v * f.stride, sum[q][v], f.lanes);
    }
}

/// The same for the whole group; `sums` are the rows of all positions of the part.
LMN_INLINE void weighted_sums(attention_shape f, attention_group group, const attention_view *view,
                              size_t offset, const float *weights, attention_bounds bounds,
                              float *sums, size_t width) {
#define ATTENTION_SUMS(n)                                                                          \
  for (; v + n <= f.vectors; v += n)                                                               \
    for (size_t place = 0; place < group.count; place += 4)                                        \
      weighted_sums_tile(f, n, view, offset + v * f.stride, weights, bounds, place,                \
                         group.count - place, sums + (group.first + place) * width + v * f.stride, \
                         width);
  size_t v = 0;
  ATTENTION_SUMS(TILE_VECTORS)
  if (TILE_VECTORS > 2) ATTENTION_SUMS(2)
  ATTENTION_SUMS(1)
#undef ATTENTION_SUMS
}

// output[t] = sum over s of softmax(query[s] . key[t] / sqrt(D)) * value[s]
LMN_INLINE void attention_forward(attention_shape f, const lmn_single_vector_attention *args,
                                  size_t head, size_t begin, size_t end) {
  lmn_single_vector_attention a = *args;
  a.slots += head, a.keys += head, a.output += head, a.log_normalizer += head;
  if (a.bias) a.bias += head;
  const size_t E = a.width;
  const float scale = 1 / sqrtf((float)(E / a.heads));
  const attention_levels levels = attention_levels_of(a.tree);
  const size_t last = lmn_position_unit(a.tree, LMN_ATTENTION_BLOCK, end - 1).end;
  attention_view view;
  view.whole = false;
  attention_group group;
  for (size_t t = lmn_position_unit(a.tree, LMN_ATTENTION_BLOCK, begin).first; t < last;
       t += group.count) {
    group = group_at(f, &levels, t, last);
    const size_t used = group_scores(f, group);
    const float *keys[ATTENTION_GROUP];
    group_rows(f, group, a.keys, E, keys);
    attention_softmax softmax;
    for (bool first = true, more = true; more; first = false) {
      ATTENTION_ALIGNED float weights[ATTENTION_SLOTS * ATTENTION_ROW], inverse[ATTENTION_ROW];
      view_next(f, &view, first, &levels, group, a.slots, E);
      more = view.level <= group.levels;
      view_dots(f, group, &view, 0, keys, scale, weights);
      view_bias(f, &levels, group, &view, a.bias, a.heads, weights);
      softmax_add(&softmax, group_row(f), used, first, view.own + view.common, weights);
      for (size_t r = 0; !more && r < used; r += VEC_LANES)
        vec_store(inverse + r, vec_div(vec_set(1), vec_load(softmax.normalizer + r, VEC_LANES)),
                  VEC_LANES);
      const attention_bounds bounds = {first, softmax.kept, more ? NULL : inverse};
      weighted_sums(f, group, &view, E, weights, bounds, a.output, E);
    }
    for (size_t r = 0; r < used; r += VEC_LANES)
      vec_store(softmax.largest + r,
                vec_add(vec_load(softmax.largest + r, VEC_LANES),
                        vec_log(vec_load(softmax.normalizer + r, VEC_LANES))),
                VEC_LANES);
    const size_t heads = lmn_min(f.heads, f.lanes);
    for (size_t q = 0; q < group.count; q++)
      vec_store(a.log_normalizer + (t + q) * a.heads,
                vec_repeat(softmax.largest + q * f.heads, f.heads), heads);
  }
}

ATTENTION_KERNEL(single_vector_attention_forward, lmn_single_vector_attention, attention_forward)
