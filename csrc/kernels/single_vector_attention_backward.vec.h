// Cotangents of keys, queries and values of single-vector attention, in one pass.
//
// Cotangents of a node that one unit alone sees are summed in place. For a node of an upper level a
// unit writes a partial sum; a second kernel adds those of all units that see it.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_BACKWARD_VEC_H
#define LMN_SINGLE_VECTOR_ATTENTION_BACKWARD_VEC_H

#include <math.h>
#include <string.h>

#include "isa/kernel.h"
#include "kernels/single_vector_attention.vec.h"
#include "kernels/single_vector_attention_view.vec.h"

/// Weights and the cotangents of their scores:
///   weight = exp(score - log_normalizer),  d_score = weight * (d_weight - d_normalizer) * scale
LMN_INLINE void softmax_backward(size_t row, size_t used, size_t count, const float *log_normalizer,
                                 const float *d_normalizer, float scale, float *score,
                                 float *d_weight) {
  for (size_t r = 0; r < used; r += VEC_LANES) {
    const vec top = vec_load(log_normalizer + r, VEC_LANES);
    const vec mean = vec_load(d_normalizer + r, VEC_LANES);
    for (size_t i = r; i < count * row; i += row) {
      const vec weight = vec_exp(vec_sub(vec_load(score + i, VEC_LANES), top));
      const vec d = vec_sub(vec_load(d_weight + i, VEC_LANES), mean);
      vec_store(score + i, weight, VEC_LANES);
      vec_store(d_weight + i, vec_mul(vec_mul(weight, d), vec_set(scale)), VEC_LANES);
    }
  }
}

enum { ATTENTION_TARGETS = 4 };  // nodes in registers

/// Operands of the sums of some slots over positions.
typedef struct {
  size_t count;              // positions
  const float *weights;      // group_row values per slot, the heads of a vector per position
  const float *const *rows;  // of the positions
  size_t from;               // first value of a position's row
  float *const *targets;     // rows of the slots
  const bool *first;         // per slot, whether its sum begins with zero and not with the target
  size_t to;                 // first value of a target
} slot_sums_operands;

/// targets[s][to + e] (+)= sum over positions of weights[s][q][head of e] * rows[q][from + e], for
/// `slots` slots and `vectors` vectors, constants.
LMN_INLINE void slot_sums_tile(attention_shape f, const size_t slots, const size_t vectors,
                               const slot_sums_operands *o) {
  const size_t row = group_row(f);
  vec sum[ATTENTION_TARGETS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t s = 0; s < slots; s++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      sum[s][v] =
          o->first[s] ? vec_set(0) : vec_load(o->targets[s] + o->to + v * f.stride, f.lanes);
  const float *weights = o->weights;
  for (size_t q = 0; q < o->count; q++, weights += f.heads) {
    vec x[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      x[v] = vec_load(o->rows[q] + o->from + v * f.stride, f.lanes);
#pragma clang loop unroll(full)
    for (size_t s = 0; s < slots; s++) {
      const vec weight = vec_repeat(weights + s * row, f.heads);
#pragma clang loop unroll(full)
      for (size_t v = 0; v < vectors; v++) sum[s][v] = vec_fma(weight, x[v], sum[s][v]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t s = 0; s < slots; s++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      vec_store(o->targets[s] + o->to + v * f.stride, sum[s][v], f.lanes);
}

/// The same for all vectors of a row.
LMN_INLINE void slot_sums(attention_shape f, const size_t slots, slot_sums_operands o) {
#define ATTENTION_SUMS(n)                                                          \
  for (; v + n <= f.vectors; v += n, o.from += n * f.stride, o.to += n * f.stride) \
    slot_sums_tile(f, slots, n, &o);
  size_t v = 0;
  ATTENTION_SUMS(TILE_VECTORS)
  if (TILE_VECTORS > 2) ATTENTION_SUMS(2)
  ATTENTION_SUMS(1)
#undef ATTENTION_SUMS
}

/// Cotangent to which position q of a group adds, of a slot in view.
LMN_INLINE float *slot_target(attention_shape f, const lmn_single_vector_attention_grad *a,
                              const attention_levels *levels, size_t unit,
                              const attention_view *view, size_t slot, size_t q) {
  const size_t level = view->levels[slot];
  if (level < levels->map.owned_levels) return a->d_slots + (view_row(f, view, slot, q) - a->slots);
  const size_t row = unit * lmn_attention_unit_rows(&levels->map) + levels->map.partial[level];
  return a->partial + (row + view->indices[slot]) * 2 * a->width;
}

/// Whether the position t = tokens - 1 is the first of its unit to see the node at `place`.
LMN_INLINE bool begins_target(const attention_levels *levels, size_t level, size_t place,
                              size_t tokens) {
  if (tokens == levels->map.tree.tree.start + 1) return true;
  if (level >= levels->map.owned_levels) return tokens % levels->map.chunk == 0;
  if (tokens % levels->map.tree.span[level]) return false;
  return !shows_waiting(levels, level) ||
         finished_nodes(levels, level, tokens) % levels->map.tree.tree.shape.arity == place + 1;
}

/// Adds the contribution of a group to the cotangents of the slots in view.
LMN_INLINE void view_cotangents(attention_shape f, const lmn_single_vector_attention_grad *a,
                                const attention_levels *levels, size_t unit, attention_group group,
                                const attention_view *view, const float *const *keys,
                                const float *const *d_outputs, const float *d_scores,
                                const float *weights) {
  const size_t E = a->width, size = group_size(f), row = group_row(f);
  const size_t *span = levels->map.tree.span;
  size_t together;
  for (size_t s = 0; s < view->own + view->common; s += together) {
    // Slots whose nodes change at the same positions are computed together.
    const size_t level = view->levels[s], place = view->places[s];
    const bool lasts = levels->bits && !levels->disjoint && span[level] >= size;
    for (together = 1; together < ATTENTION_TARGETS && s + together < view->own + view->common;
         together++) {
      const size_t other = view->levels[s + together];
      if (!(other == level && view->places[s + together] == place) &&
          !(lasts && span[other] >= size))
        break;
    }
    if (together == 3) together = 2;
    for (size_t q = 0, next; q < group.count; q = next) {
      const size_t tokens = group.tokens + q;
      next = lasts
                 ? group.count
                 : lmn_min(tokens - tokens % span[level] + span[level] - group.tokens, group.count);
      if (!sees_place(levels, level, place, tokens)) continue;
      float *targets[ATTENTION_TARGETS];
      bool first[ATTENTION_TARGETS];
      for (size_t i = 0; i < together; i++) {
        first[i] = begins_target(levels, view->levels[s + i], place, tokens);
        targets[i] = slot_target(f, a, levels, unit, view, s + i, q);
      }
      const size_t pair = s * row + q * f.heads;
      const slot_sums_operands queries = {next - q, d_scores + pair, keys + q, 0,
                                          targets,  first,           0};
      const slot_sums_operands values = {next - q, weights + pair, d_outputs + q, 0, targets, first,
                                         E};
#define ATTENTION_TOGETHER(n) \
  if (together == n) {        \
    slot_sums(f, n, queries); \
    slot_sums(f, n, values);  \
  }
      ATTENTION_TOGETHER(1)
      ATTENTION_TOGETHER(2)
      ATTENTION_TOGETHER(4)
#undef ATTENTION_TOGETHER
    }
  }
}

/// Adds the contribution of a group to the cotangents of the biases of the levels.
LMN_INLINE void view_bias_cotangents(attention_shape f, attention_group group,
                                     const attention_view *view, const float *d_scores, float scale,
                                     size_t heads, float *d_bias) {
  const size_t used = lmn_min(f.heads, f.lanes);
  for (size_t s = 0; s < view->own + view->common; s++, d_scores += group_row(f)) {
    float *sum = d_bias + view->levels[s] * heads;
    vec total = vec_set(0);
    for (size_t q = 0; q < group.count; q++)
      total = vec_add(total, vec_load(d_scores + q * f.heads, used));
    vec_store(sum, vec_add(vec_load(sum, used), vec_div(total, vec_set(scale))), used);
  }
}

/// Values [L, H] of the positions of a group, the heads of a vector each; the last position is
/// repeated to fill the group.
LMN_INLINE void group_heads(attention_shape f, attention_group group, const float *values,
                            size_t heads, float *rows) {
  for (size_t q = 0; q < group_size(f); q++)
    vec_store(
        rows + q * f.heads,
        vec_load(values + (group.first + group_place(group, q)) * heads, lmn_min(f.heads, f.lanes)),
        f.heads);
}

/// Clears the cotangents of nodes that no position sees: carried ones that are not the newest, and
/// in disjoint trees the last one of every family.
static void clear_unseen(const lmn_attention_map *map, size_t width, float *d_slots) {
  const lmn_tree_shape shape = map->tree.tree.shape;
  for (size_t i = 0; i < map->owned_levels && i <= map->tree.levels; i++) {
    const lmn_tree_level nodes = map->tree.level[i];
    const size_t count = shape.disjoint ? nodes.count : nodes.carried;
    for (size_t n = 0; n < count; n++) {
      if (lmn_attention_audience(map, i, nodes.first + n).end) continue;
      for (size_t bank = 0; bank < (i ? shape.banks : 1); bank++)
        memset(d_slots + (nodes.row + bank * map->tree.bank_rows + n * nodes.slots) * 2 * width, 0,
               nodes.slots * 2 * width * sizeof(float));
    }
  }
}

// d_key[t] = sum over s of d_score[s, t] * query[s]
// d_query[s] = sum over t of d_score[s, t] * key[t];  d_value[s] = sum of weight * d_output[t]
LMN_INLINE void attention_backward(attention_shape f, const lmn_single_vector_attention_grad *args,
                                   size_t head, size_t begin, size_t end) {
  lmn_single_vector_attention_grad a = *args;
  a.slots += head, a.keys += head, a.output += head, a.log_normalizer += head;
  a.d_output += head, a.d_keys += head, a.d_slots += head;
  if (a.partial) a.partial += head;
  if (a.bias) a.bias += head, a.partial_bias += head;
  const size_t E = a.width, biases = (a.tree.shape.maximum_levels + 1) * a.heads;
  const float scale = 1 / sqrtf((float)(E / a.heads));
  const attention_levels levels = attention_levels_of(a.tree);
  if (begin == 0 && head == 0) clear_unseen(&levels.map, E, a.d_slots);
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_positions positions = lmn_position_unit(a.tree, levels.map.chunk, unit);
    float *d_bias = a.bias ? a.partial_bias + unit * biases : NULL;
    if (a.bias && head == 0) memset(d_bias, 0, biases * sizeof *d_bias);
    attention_view view;
    view.whole = false;
    attention_group group;
    for (size_t t = positions.first; t < positions.end; t += group.count) {
      group = group_at(f, &levels, t, positions.end);
      const float *keys[ATTENTION_GROUP], *d_outputs[ATTENTION_GROUP], *outputs[ATTENTION_GROUP];
      group_rows(f, group, a.keys, E, keys);
      group_rows(f, group, a.d_output, E, d_outputs);
      group_rows(f, group, a.output, E, outputs);
      ATTENTION_ALIGNED float log_normalizer[ATTENTION_ROW], d_normalizer[ATTENTION_ROW];
      group_heads(f, group, a.log_normalizer, a.heads, log_normalizer);
      for (size_t q = 0; q < group.count; q += tile_size(f))
        head_dots_tile(
            f, 1, true,
            &(head_dots_operands){outputs + q, 0, 0, d_outputs + q, 1, d_normalizer + q * f.heads});
      for (bool first = true, more = true; more; first = false) {
        ATTENTION_ALIGNED float weights[ATTENTION_SLOTS * ATTENTION_ROW],
            d_scores[ATTENTION_SLOTS * ATTENTION_ROW];
        view_next(f, &view, first, &levels, group, a.slots, E);
        more = view.level <= group.levels;
        view_dots(f, group, &view, 0, keys, scale, weights);
        view_bias(f, &levels, group, &view, a.bias, a.heads, weights);
        view_dots(f, group, &view, E, d_outputs, 1, d_scores);
        softmax_backward(group_row(f), group_scores(f, group), view.own + view.common,
                         log_normalizer, d_normalizer, scale, weights, d_scores);
        weighted_sums(f, group, &view, 0, d_scores, (attention_bounds){first, NULL, NULL}, a.d_keys,
                      E);
        view_cotangents(f, &a, &levels, unit, group, &view, keys, d_outputs, d_scores, weights);
        if (a.bias) view_bias_cotangents(f, group, &view, d_scores, scale, a.heads, d_bias);
      }
    }
  }
}

ATTENTION_KERNEL(single_vector_attention_backward, lmn_single_vector_attention_grad,
                 attention_backward)

// The cotangents of the nodes of one upper level and bank.
KERNEL(single_vector_attention_backward_upper) {
  const lmn_single_vector_attention_grad *a = args;
  const lmn_attention_map map = lmn_attention_map_of(a->tree);
  const lmn_tree_shape shape = a->tree.shape;
  const size_t columns = 2 * a->width, unit_rows = lmn_attention_unit_rows(&map);
  const size_t first_chunk = (a->tree.start + 1) / map.chunk;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t level = map.owned_levels + unit / shape.banks, bank = unit % shape.banks;
    const size_t places = lmn_attention_places(shape, level);
    const lmn_tree_level nodes = map.tree.level[level];
    for (size_t n = 0; n < nodes.count; n++) {
      const lmn_audience seen = lmn_attention_audience(&map, level, nodes.first + n);
      const size_t place = places > 1 ? (nodes.first + n) % shape.arity : 0;
      const size_t first = seen.end ? seen.first / map.chunk - first_chunk : 0;
      const size_t last = seen.end ? (seen.end - 1) / map.chunk - first_chunk + 1 : 0;
      const float *partial =
          a->partial + (map.partial[level] + (bank * places + place) * nodes.slots) * columns;
      float *d_node =
          a->d_slots + (nodes.row + bank * map.tree.bank_rows + n * nodes.slots) * columns;
      for (size_t e = 0; e < nodes.slots * columns; e += VEC_LANES) {
        const size_t lanes = vec_lanes(nodes.slots * columns - e);
        vec sum = vec_set(0);
        for (size_t u = first; u < last; u++)
          sum = vec_add(sum, vec_load(partial + u * unit_rows * columns + e, lanes));
        vec_store(d_node + e, sum, lanes);
      }
    }
  }
}

#endif
