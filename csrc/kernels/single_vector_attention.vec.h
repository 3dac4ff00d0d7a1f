// Single-vector attention over a tree. Positions are computed in groups that see the same nodes
// from a low level up: all scores, then all weights, then all sums.
//
// A dot has the same bits in every tile, and sums over slots are computed slot by slot, in blocks
// that are the same for every group, so the output of a position does not depend on its part or
// group.
#ifndef LMN_SINGLE_VECTOR_ATTENTION_VEC_H
#define LMN_SINGLE_VECTOR_ATTENTION_VEC_H

#include <math.h>

#include "isa/kernel.h"
#include "kernels/single_vector_attention_view.vec.h"

/// Operands of the dots of slots and a tile of positions.
typedef struct {
  const float *const *slots;  // rows of the slots, `step` apart; those of an own slot, one for each
  size_t step;                // position, side by side
  size_t offset;              // first value of a slot's row
  const float *const *keys;   // rows of the positions
  float scale;
  float *dots;  // group_row values per slot
} head_dots_operands;

/// dots[s][q][h] = scale * sum of slots[s][offset + e] * keys[q][e] over the features of head h,
/// for `count` slots, a constant, which are own ones or not.
LMN_INLINE void head_dots_tile(attention_shape f, const size_t count, const bool own,
                               const head_dots_operands *o) {
  const size_t size = tile_size(f);
  vec sums[ATTENTION_TILE + VEC_LANES];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < count * size; i++) sums[i] = vec_set(0);
#pragma clang loop unroll(disable)
  for (size_t v = 0, e = 0; v < f.vectors; v++, e += f.stride) {
#pragma clang loop unroll(full)
    for (size_t q = 0; q < size; q++) {
      const vec key = vec_load(o->keys[q] + e, f.lanes);
#pragma clang loop unroll(full)
      for (size_t s = 0; s < count; s++)
        sums[s * size + q] =
            vec_fma(vec_load(o->slots[s * o->step + (own ? q : 0)] + o->offset + e, f.lanes), key,
                    sums[s * size + q]);
    }
  }
  // Dots that fill a vector are folded together.
  const size_t together = VEC_LANES / f.heads;
#pragma clang loop unroll(full)
  for (size_t s = 0; s < count; s++)
#pragma clang loop unroll(full)
    for (size_t q = 0; q < size; q += together)
      vec_store(o->dots + s * group_row(f) + q * f.heads,
                vec_mul(vec_fold_all(sums + s * size + q, f.heads), vec_set(o->scale)), VEC_LANES);
}

/// The same for all slots in view and all tiles of the group.
LMN_INLINE void view_dots(attention_shape f, attention_group group, const attention_view *view,
                          size_t offset, const float *const *keys, float scale, float *dots) {
  const size_t tile = tile_size(f), size = group_size(f), row = group_row(f), tiles = size / tile;
  const size_t together = tile < ATTENTION_TILE ? ATTENTION_TILE / tile : 1;
  const float *const *rows = view->rows;
  for (size_t s = 0; s < view->own; s++, rows += size, dots += row)
    for (size_t q = 0; q < group.count; q += tile)
      head_dots_tile(
          f, 1, true,
          &(head_dots_operands){rows + q, size, offset, keys + q, scale, dots + q * f.heads});
  size_t s = 0;
  for (; s + together <= view->common;
       s += together, rows += together * tiles, dots += together * row)
    for (size_t q = 0; q < group.count; q += tile)
      head_dots_tile(f, together, false,
                     &(head_dots_operands){rows + q / tile, tiles, offset, keys + q, scale,
                                           dots + q * f.heads});
  for (; s < view->common; s++, rows += tiles, dots += row)
    for (size_t q = 0; q < group.count; q += tile)
      head_dots_tile(f, 1, false,
                     &(head_dots_operands){rows + q / tile, tiles, offset, keys + q, scale,
                                           dots + q * f.heads});
}

/// Adds the biases of the levels to the scores, and sets those of unseen slots to ATTENTION_UNSEEN.
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

/// Softmax over blocks of slots (arXiv 1805.02867), of a row of scores.
typedef struct {
  ATTENTION_ALIGNED float largest[ATTENTION_ROW];
  float normalizer[ATTENTION_ROW];  // sum of exp(score - largest)
  float kept[ATTENTION_ROW];        // factor of the sums of earlier blocks
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

/// First and last step of a sum over slots.
typedef struct {
  bool first;           // whether it begins with zero, otherwise with the stored sum
  const float *kept;    // factors of the stored sum, a row, or NULL
  const float *factor;  // factors of the result, a row, or NULL
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

#endif
