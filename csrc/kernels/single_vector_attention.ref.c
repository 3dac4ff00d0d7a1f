#include <math.h>
#include <string.h>

#include "kernels/single_vector_attention.h"

/// Sum over the D features of a head, which are `heads` apart.
static double dot(const float *a, const float *b, size_t heads, size_t D) {
  double sum = 0;
  for (size_t d = 0; d < D; d++) sum += (double)a[d * heads] * b[d * heads];
  return sum;
}

/// Iterator over the slots that position `t` of a part sees.
typedef struct {
  const lmn_tree_map *map;
  size_t t;
  size_t level, bank, node, slot, row;  // of the current one
} walk;

/// Number of nodes of the current level that the position sees in a bank; the last is `newest`.
static size_t visible_nodes(const walk *w, size_t *newest) {
  const lmn_tree_shape shape = w->map->tree.shape;
  size_t finished = w->map->tree.start + w->t + 1;
  for (size_t i = 0; i < w->level; i++) finished /= shape.arity;
  *newest = finished - 1;
  if (finished == 0) return 0;
  return shape.disjoint && w->level < shape.maximum_levels ? finished % shape.arity : 1;
}

/// Advances to the first slot at or after the current one; false if there is none.
static bool settle(walk *w) {
  for (; w->level <= w->map->levels; w->level++, w->bank = w->node = w->slot = 0) {
    const lmn_tree_level *nodes = &w->map->level[w->level];
    size_t newest;
    const size_t visible = visible_nodes(w, &newest);
    if (w->slot == nodes->slots) w->slot = 0, w->node++;
    if (w->node == visible) w->node = 0, w->bank++;
    if (visible == 0 || w->bank == (w->level ? w->map->tree.shape.banks : 1)) continue;
    const size_t node = newest + 1 - visible + w->node;
    w->row =
        nodes->row + w->bank * w->map->bank_rows + (node - nodes->first) * nodes->slots + w->slot;
    return true;
  }
  return false;
}

static bool next(walk *w) {
  w->slot++;
  return settle(w);
}

/// Loop over the slots `w` that position `t` sees.
#define FOR_VIEW(w, map_, t_)      \
  walk w = {.map = map_, .t = t_}; \
  for (bool more = settle(&w); more; more = next(&w))

static double score_of(const float *slots, const float *keys, const float *bias, size_t E, size_t H,
                       const walk *w, size_t h) {
  const size_t D = E / H;
  const double score = dot(slots + w->row * 2 * E + h, keys + w->t * E + h, H, D) / sqrt((double)D);
  return bias ? score + bias[w->level * H + h] : score;
}

void single_vector_attention_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention *a = args;
  const size_t E = a->width, H = a->heads;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const size_t first = lmn_position_unit(a->tree, LMN_ATTENTION_BLOCK, begin).first;
  const size_t last = lmn_position_unit(a->tree, LMN_ATTENTION_BLOCK, end - 1).end;
  for (size_t t = first; t < last; t++)
    for (size_t h = 0; h < H; h++) {
      double largest = -INFINITY, normalizer = 0;
      FOR_VIEW(w, &map, t)
      largest = fmax(largest, score_of(a->slots, a->keys, a->bias, E, H, &w, h));
      FOR_VIEW(v, &map, t)
      normalizer += exp(score_of(a->slots, a->keys, a->bias, E, H, &v, h) - largest);
      for (size_t e = h; e < E; e += H) {
        double sum = 0;
        FOR_VIEW(s, &map, t)
        sum += exp(score_of(a->slots, a->keys, a->bias, E, H, &s, h) - largest) *
               a->slots[s.row * 2 * E + E + e];
        a->output[t * E + e] = (float)(sum / normalizer);
      }
      a->log_normalizer[t * H + h] = (float)(largest + log(normalizer));
    }
}

void single_vector_attention_step_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention_step *a = args;
  const size_t E = a->width, H = a->heads, D = E / H;
  for (size_t b = begin; b < end; b++)
    for (size_t h = 0; h < H; h++) {
      const float *key = a->keys + b * E + h, *query = a->slots[b] + h;
      const float *bias = a->biases ? a->biases[b] + h : NULL;
#define STEP_SCORE(s) \
  (dot(query + (s) * 2 * E, key, H, D) / sqrt((double)D) + (bias ? bias[(s) * H] : 0))
      double largest = -INFINITY, normalizer = 0;
      for (size_t s = 0; s < a->counts[b]; s++) largest = fmax(largest, STEP_SCORE(s));
      for (size_t s = 0; s < a->counts[b]; s++) normalizer += exp(STEP_SCORE(s) - largest);
      for (size_t d = 0; d < D; d++) {
        double sum = 0;
        for (size_t s = 0; s < a->counts[b]; s++)
          sum += exp(STEP_SCORE(s) - largest) * query[s * 2 * E + E + d * H];
        a->output[b * E + h + d * H] = (float)(sum / normalizer);
      }
#undef STEP_SCORE
    }
}

/// Softmax weight of a slot at a position, and the cotangent of its score.
static void pair_backward(const lmn_single_vector_attention_grad *a, const walk *w, size_t h,
                          double *weight, double *d_score) {
  const size_t E = a->width, H = a->heads, D = E / H;
  const float *d_output = a->d_output + w->t * E + h;
  *weight = exp(score_of(a->slots, a->keys, a->bias, E, H, w, h) - a->log_normalizer[w->t * H + h]);
  const double d_weight = dot(a->slots + w->row * 2 * E + E + h, d_output, H, D);
  *d_score = *weight * (d_weight - dot(d_output, a->output + w->t * E + h, H, D));
}

static void position_backward(const lmn_single_vector_attention_grad *a, const lmn_tree_map *map,
                              size_t t) {
  const size_t E = a->width, H = a->heads;
  for (size_t e = 0; e < E; e++) {
    double sum = 0, weight, d_score;
    FOR_VIEW(w, map, t) {
      pair_backward(a, &w, e % H, &weight, &d_score);
      sum += d_score * a->slots[w.row * 2 * E + e];
    }
    a->d_keys[t * E + e] = (float)(sum / sqrt((double)(E / H)));
  }
}

/// Cotangent of the slot in `row`, over `positions`.
static void slot_backward(const lmn_single_vector_attention_grad *a, const lmn_tree_map *map,
                          lmn_positions positions, size_t row, float *d_slot) {
  // Features summed at once, since it takes long to find the positions that see the slot.
  enum { FEATURES = 64 };
  const size_t E = a->width, H = a->heads;
  for (size_t first = 0; first < E; first += FEATURES) {
    const size_t end = first + FEATURES < E ? first + FEATURES : E;
    double query[FEATURES] = {0}, value[FEATURES] = {0}, weight, d_score;
    for (size_t t = positions.first; t < positions.end; t++) {
      FOR_VIEW(w, map, t) {
        if (w.row != row) continue;
        for (size_t e = first; e < end; e++) {
          pair_backward(a, &w, e % H, &weight, &d_score);
          query[e - first] += d_score * a->keys[t * E + e];
          value[e - first] += weight * a->d_output[t * E + e];
        }
      }
    }
    for (size_t e = first; e < end; e++) {
      d_slot[e] = (float)(query[e - first] / sqrt((double)(E / H)));
      d_slot[E + e] = (float)value[e - first];
    }
  }
}

/// Cotangent of the bias of a level, over `positions`.
static void bias_backward(const lmn_single_vector_attention_grad *a, const lmn_tree_map *map,
                          lmn_positions positions, size_t level, float *d_bias) {
  for (size_t h = 0; h < a->heads; h++) {
    double sum = 0, weight, d_score;
    for (size_t t = positions.first; t < positions.end; t++) {
      FOR_VIEW(w, map, t) {
        if (w.level != level) continue;
        pair_backward(a, &w, h, &weight, &d_score);
        sum += d_score;
      }
    }
    d_bias[h] = (float)sum;
  }
}

void single_vector_attention_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention_grad *a = args;
  const lmn_attention_map map = lmn_attention_map_of(a->tree);
  const lmn_tree_shape shape = a->tree.shape;
  const size_t E = a->width, before = a->tree.start + 1;
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_positions positions = lmn_position_unit(a->tree, map.chunk, unit);
    for (size_t t = positions.first; t < positions.end; t++) position_backward(a, &map.tree, t);
    for (size_t i = 0; i <= map.tree.levels; i++) {
      const lmn_tree_level nodes = map.tree.level[i];
      for (size_t bank = 0; bank < (i ? shape.banks : 1); bank++)
        for (size_t n = 0; n < nodes.count; n++) {
          const lmn_audience seen = lmn_attention_audience(&map, i, nodes.first + n);
          const size_t row = nodes.row + bank * map.tree.bank_rows + n * nodes.slots;
          const size_t places = lmn_attention_places(shape, i);
          const size_t place = places > 1 ? (nodes.first + n) % shape.arity : 0;
          // A node that no position sees belongs to the first unit.
          const bool here =
              seen.first < before + positions.end && seen.end > before + positions.first;
          if (!here && !(i < map.owned_levels && seen.end == 0 && unit == 0)) continue;
          const lmn_positions seeing = {
              here && seen.first > before + positions.first ? seen.first - before : positions.first,
              here ? lmn_min(seen.end - before, positions.end) : positions.first};
          for (size_t s = 0; s < nodes.slots; s++)
            slot_backward(
                a, &map.tree, seeing, row + s,
                i < map.owned_levels
                    ? a->d_slots + (row + s) * 2 * E
                    : a->partial + (unit * lmn_attention_unit_rows(&map) + map.partial[i] +
                                    (bank * places + place) * nodes.slots + s) *
                                       2 * E);
        }
    }
    for (size_t i = 0; a->bias && i <= shape.maximum_levels; i++)
      bias_backward(a, &map.tree, positions, i,
                    a->partial_bias + (unit * (shape.maximum_levels + 1) + i) * a->heads);
  }
}

void single_vector_attention_backward_upper_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention_grad *a = args;
  const lmn_attention_map map = lmn_attention_map_of(a->tree);
  const lmn_tree_shape shape = a->tree.shape;
  const size_t E = a->width, before = a->tree.start + 1;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t i = map.owned_levels + unit / shape.banks, bank = unit % shape.banks;
    const size_t places = lmn_attention_places(shape, i);
    const lmn_tree_level nodes = map.tree.level[i];
    for (size_t n = 0; n < nodes.count; n++) {
      const lmn_audience seen = lmn_attention_audience(&map, i, nodes.first + n);
      const size_t place = places > 1 ? (nodes.first + n) % shape.arity : 0;
      for (size_t s = 0; s < nodes.slots; s++) {
        const size_t row = nodes.row + bank * map.tree.bank_rows + n * nodes.slots + s;
        for (size_t e = 0; e < 2 * E; e++) {
          double sum = 0;
          for (size_t u = 0; u < lmn_position_units(a->tree, map.chunk); u++) {
            const lmn_positions positions = lmn_position_unit(a->tree, map.chunk, u);
            if (seen.first >= before + positions.end || seen.end <= before + positions.first)
              continue;
            sum += a->partial[(u * lmn_attention_unit_rows(&map) + map.partial[i] +
                               (bank * places + place) * nodes.slots + s) *
                                  2 * E +
                              e];
          }
          a->d_slots[row * 2 * E + e] = (float)sum;
        }
      }
    }
  }
}
