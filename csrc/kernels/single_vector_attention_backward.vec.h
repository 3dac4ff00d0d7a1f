// What the cotangent of an attention's output gives to its keys, queries and values, in one walk.
//
// A unit owns the nodes that no other unit sees and adds up their cotangents in place. For a node
// of an upper level it leaves a partial sum; a second kernel adds those of all units that see it.

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

/// targets[s][e] (+)= sum over `count` positions of weights[s][q][head of e] * rows[q][e], for
/// `slots` slots and `vectors` vectors, constants.
LMN_INLINE void slot_sums_tile(attention_shape f, const size_t slots, const size_t vectors,
                               size_t count, const float *weights, const float *const *rows,
                               size_t from, float *const *targets, const bool *first, size_t to) {
  const size_t row = group_row(f);
  vec sum[ATTENTION_TARGETS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t s = 0; s < slots; s++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      sum[s][v] = first[s] ? vec_set(0) : vec_load(targets[s] + to + v * f.stride, f.lanes);
  for (size_t q = 0; q < count; q++, weights += f.heads) {
    vec x[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) x[v] = vec_load(rows[q] + from + v * f.stride, f.lanes);
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
      vec_store(targets[s] + to + v * f.stride, sum[s][v], f.lanes);
}

/// The same for all vectors of a row.
LMN_INLINE void slot_sums(attention_shape f, const size_t slots, size_t count, const float *weights,
                          const float *const *rows, float *const *targets, const bool *first,
                          size_t to) {
#define ATTENTION_SUMS(n)                                                          \
  for (; v + n <= f.vectors; v += n)                                               \
    slot_sums_tile(f, slots, n, count, weights, rows, f.stride *v, targets, first, \
                   to + f.stride * v);
  size_t v = 0;
  ATTENTION_SUMS(TILE_VECTORS)
  if (TILE_VECTORS > 2) ATTENTION_SUMS(2)
  ATTENTION_SUMS(1)
#undef ATTENTION_SUMS
}

/// Adds a group's part to the cotangents of the slots in view.
LMN_INLINE void view_cotangents(attention_shape f, const lmn_single_vector_attention_grad *a,
                                const lmn_tree_map *map, size_t unit, attention_group group,
                                const attention_view *view, const float *const *keys,
                                const float *const *d_outputs, const float *d_scores,
                                const float *weights) {
  const size_t E = a->width, size = group_size(f), row = group_row(f);
  size_t together;
  for (size_t s = 0; s < view->own + view->common; s += together) {
    // Positions see the same node until t + 1 is a multiple of its span. Slots whose nodes change
    // at the same positions are worked on together.
    const size_t span = lmn_min((size_t)1 << view->levels[s], size);
    for (together = 1; together < ATTENTION_TARGETS && s + together < view->own + view->common &&
                       lmn_min((size_t)1 << view->levels[s + together], size) == span;
         together++)
      continue;
    if (together == 3) together = 2;
    for (size_t q = 0, next; q < group.count; q = next) {
      const size_t tokens = group.tokens + q;
      next = lmn_min((tokens & ~(span - 1)) + span - group.tokens, group.count);
      float *targets[ATTENTION_TARGETS];
      bool first[ATTENTION_TARGETS];
      for (size_t i = 0; i < together; i++) {
        const size_t level = view->levels[s + i];
        const size_t period = (size_t)1 << lmn_min(level, LMN_ATTENTION_STRETCH_LEVEL);
        first[i] = group.first + q == 0 || (tokens & (period - 1)) == 0;
        targets[i] =
            level > LMN_ATTENTION_STRETCH_LEVEL
                ? a->partial +
                      lmn_attention_partial_row(map, unit, level, view->banks[s + i]) * 2 * E
                : a->d_slots + (view_row(f, view, s + i, q) - a->slots);
      }
#define ATTENTION_TOGETHER(n)                                                                     \
  if (together == n) {                                                                            \
    slot_sums(f, n, next - q, d_scores + s * row + q * f.heads, keys + q, targets, first, 0);     \
    slot_sums(f, n, next - q, weights + s * row + q * f.heads, d_outputs + q, targets, first, E); \
  }
      ATTENTION_TOGETHER(1)
      ATTENTION_TOGETHER(2)
      ATTENTION_TOGETHER(4)
#undef ATTENTION_TOGETHER
    }
  }
}

/// rows[q] of `values` [L, H], position by position the heads of a vector; a place without a
/// position repeats the last one's.
LMN_INLINE void group_heads(attention_shape f, attention_group group, const float *values,
                            size_t heads, float *rows) {
  for (size_t q = 0; q < group_size(f); q++)
    vec_store(
        rows + q * f.heads,
        vec_load(values + (group.first + group_place(group, q)) * heads, lmn_min(f.heads, f.lanes)),
        f.heads);
}

/// Clears the cotangents of the carried nodes that the part's tokens do not see.
static void clear_unseen(const lmn_tree_map *map, size_t width, float *d_slots) {
  const size_t tokens = map->tree.start + 1;
  for (size_t i = 0; i <= lmn_min(map->levels, LMN_ATTENTION_STRETCH_LEVEL); i++) {
    if (!map->level[i].carried || tokens & (((size_t)1 << i) - 1)) continue;
    for (size_t bank = 0; bank < (i ? map->tree.banks : 1); bank++)
      memset(d_slots + (map->level[i].row + bank * map->bank_rows) * 2 * width, 0,
             2 * width * sizeof(float));
  }
}

// d_key[t] = sum over s of d_score[s, t] * query[s]
// d_query[s] = sum over t of d_score[s, t] * key[t];  d_value[s] = sum of weight * d_output[t]
LMN_INLINE void attention_backward(attention_shape f, const lmn_single_vector_attention_grad *args,
                                   size_t head, size_t begin, size_t end) {
  lmn_single_vector_attention_grad a = *args;
  a.slots += head, a.keys += head, a.output += head, a.log_normalizer += head;
  a.d_output += head, a.d_keys += head, a.d_slots += head, a.partial += head;
  const size_t E = a.width;
  const float scale = 1 / sqrtf((float)(E / a.heads));
  const lmn_tree_map map = lmn_tree_map_of(a.tree);
  if (begin == 0 && head == 0) clear_unseen(&map, E, a.d_slots);
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_positions positions = lmn_position_unit(a.tree, LMN_ATTENTION_STRETCH, unit);
    attention_view view;
    view.whole = false;
    attention_group group;
    for (size_t t = positions.first; t < positions.end; t += group.count) {
      group = group_at(f, &map, t, positions.end);
      const float *keys[ATTENTION_GROUP], *d_outputs[ATTENTION_GROUP], *outputs[ATTENTION_GROUP];
      group_rows(f, group, a.keys, E, keys);
      group_rows(f, group, a.d_output, E, d_outputs);
      group_rows(f, group, a.output, E, outputs);
      ATTENTION_ALIGNED float log_normalizer[ATTENTION_ROW], d_normalizer[ATTENTION_ROW];
      group_heads(f, group, a.log_normalizer, a.heads, log_normalizer);
      for (size_t q = 0; q < group.count; q += tile_size(f))
        head_dots_tile(f, 1, true, outputs + q, 0, 0, d_outputs + q, 1, d_normalizer + q * f.heads);
      for (bool first = true, more = true; more; first = false) {
        ATTENTION_ALIGNED float weights[ATTENTION_SLOTS * ATTENTION_ROW],
            d_scores[ATTENTION_SLOTS * ATTENTION_ROW];
        view_next(f, &view, first, &map, group, a.slots, E);
        more = view.level <= group.levels;
        view_dots(f, group, &view, 0, keys, scale, weights);
        view_dots(f, group, &view, E, d_outputs, 1, d_scores);
        softmax_backward(group_row(f), group_scores(f, group), view.own + view.common,
                         log_normalizer, d_normalizer, scale, weights, d_scores);
        weighted_sums(f, group, &view, 0, d_scores, (attention_bounds){first, NULL, NULL}, a.d_keys,
                      E);
        view_cotangents(f, &a, &map, unit, group, &view, keys, d_outputs, d_scores, weights);
      }
    }
  }
}

ATTENTION_KERNEL(single_vector_attention_backward, lmn_single_vector_attention_grad,
                 attention_backward)

// The cotangents of the nodes of one upper level and bank.
KERNEL(single_vector_attention_backward_upper) {
  const lmn_single_vector_attention_grad *a = args;
  const size_t E = a->width;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t level = LMN_ATTENTION_STRETCH_LEVEL + 1 + unit / a->tree.banks;
    const size_t bank = unit % a->tree.banks;
    const lmn_tree_level nodes = map.level[level];
    for (size_t node = 0; node < nodes.count; node++) {
      const lmn_audience seen = lmn_attention_audience(a->tree, level, nodes.first + node);
      float *d_slot = a->d_slots + (nodes.row + bank * map.bank_rows + node) * 2 * E;
      for (size_t e = 0; e < 2 * E; e += VEC_LANES) {
        const size_t lanes = vec_lanes(2 * E - e);
        vec sum = vec_set(0);
        for (size_t u = seen.first; u < seen.end; u++) {
          const size_t row = lmn_attention_partial_row(&map, u, level, bank);
          sum = vec_add(sum, vec_load(a->partial + row * 2 * E + e, lanes));
        }
        vec_store(d_slot + e, sum, lanes);
      }
    }
  }
}
