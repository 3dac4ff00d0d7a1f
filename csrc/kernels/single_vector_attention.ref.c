#include <math.h>

#include "kernels/single_vector_attention.h"

/// Sum over the D features of a head, which stand `heads` apart.
static double dot(const float *a, const float *b, size_t heads, size_t D) {
  double sum = 0;
  for (size_t d = 0; d < D; d++) sum += (double)a[d * heads] * b[d * heads];
  return sum;
}

/// Row of the node of `level` that position `t` of the stream sees, by the rule itself; false when
/// the level is absent there.
static bool visible_row(lmn_tree tree, size_t t, size_t level, size_t bank, size_t *row) {
  const lmn_tree_level nodes = lmn_tree_level_at(tree, level);
  if (level == 0) {
    *row = t - nodes.first;
    return bank == 0;
  }
  const size_t finished = (t + 1) >> level;
  if (finished == 0) return false;
  *row = nodes.row + bank * lmn_tree_bank_rows(tree) + finished - 1 - nodes.first;
  return true;
}

void single_vector_attention_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention *a = args;
  const size_t E = a->width, H = a->heads, D = E / H, levels = lmn_tree_levels(a->tree);
  const size_t first = lmn_position_unit(a->tree, LMN_ATTENTION_BLOCK, begin).first;
  const size_t last = lmn_position_unit(a->tree, LMN_ATTENTION_BLOCK, end - 1).end;
  for (size_t t = first; t < last; t++)
    for (size_t h = 0; h < H; h++) {
      const float *key = a->keys + t * E + h;
      float *output = a->output + t * E + h;
      double largest = -INFINITY, normalizer = 0;
      size_t row;
      for (size_t i = 0; i <= levels; i++)
        for (size_t bank = 0; bank < a->tree.banks; bank++)
          if (visible_row(a->tree, a->tree.start + t, i, bank, &row))
            largest = fmax(largest, dot(a->slots + row * 2 * E + h, key, H, D) / sqrt((double)D));
      for (size_t i = 0; i <= levels; i++)
        for (size_t bank = 0; bank < a->tree.banks; bank++)
          if (visible_row(a->tree, a->tree.start + t, i, bank, &row))
            normalizer +=
                exp(dot(a->slots + row * 2 * E + h, key, H, D) / sqrt((double)D) - largest);
      for (size_t d = 0; d < D; d++) {
        double sum = 0;
        for (size_t i = 0; i <= levels; i++)
          for (size_t bank = 0; bank < a->tree.banks; bank++)
            if (visible_row(a->tree, a->tree.start + t, i, bank, &row)) {
              const float *query = a->slots + row * 2 * E + h;
              sum += exp(dot(query, key, H, D) / sqrt((double)D) - largest) * query[E + d * H];
            }
        output[d * H] = (float)(sum / normalizer);
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
      double largest = -INFINITY, normalizer = 0;
      for (size_t s = 0; s < a->counts[b]; s++)
        largest = fmax(largest, dot(query + s * 2 * E, key, H, D) / sqrt((double)D));
      for (size_t s = 0; s < a->counts[b]; s++)
        normalizer += exp(dot(query + s * 2 * E, key, H, D) / sqrt((double)D) - largest);
      for (size_t d = 0; d < D; d++) {
        double sum = 0;
        for (size_t s = 0; s < a->counts[b]; s++)
          sum += exp(dot(query + s * 2 * E, key, H, D) / sqrt((double)D) - largest) *
                 query[s * 2 * E + E + d * H];
        a->output[b * E + h + d * H] = (float)(sum / normalizer);
      }
    }
}

/// Softmax weight of a slot at a position, and the cotangent of its score.
static void pair_backward(const lmn_single_vector_attention_grad *a, size_t row, size_t t, size_t h,
                          double *weight, double *d_score) {
  const size_t E = a->width, D = E / a->heads;
  const float *query = a->slots + row * 2 * E + h, *d_output = a->d_output + t * E + h;
  const double score = dot(query, a->keys + t * E + h, a->heads, D) / sqrt((double)D);
  *weight = exp(score - a->log_normalizer[t * a->heads + h]);
  const double d_weight = dot(query + E, d_output, a->heads, D);
  *d_score =
      *weight * (d_weight - dot(d_output, a->output + t * E + h, a->heads, D)) / sqrt((double)D);
}

static void position_backward(const lmn_single_vector_attention_grad *a, size_t t) {
  const size_t E = a->width, H = a->heads, levels = lmn_tree_levels(a->tree);
  for (size_t e = 0; e < E; e++) {
    double sum = 0, weight, d_score;
    size_t row;
    for (size_t i = 0; i <= levels; i++)
      for (size_t bank = 0; bank < a->tree.banks; bank++)
        if (visible_row(a->tree, a->tree.start + t, i, bank, &row)) {
          pair_backward(a, row, t, e % H, &weight, &d_score);
          sum += d_score * a->slots[row * 2 * E + e];
        }
    a->d_keys[t * E + e] = (float)sum;
  }
}

static bool sees(lmn_tree tree, size_t t, size_t level, size_t bank, size_t row) {
  size_t visible;
  return visible_row(tree, tree.start + t, level, bank, &visible) && visible == row;
}

/// What `positions` give to the node in `row`; those that see it are neighbours.
static void slot_backward(const lmn_single_vector_attention_grad *a, lmn_positions positions,
                          size_t level, size_t bank, size_t row, float *d_slot) {
  const size_t E = a->width;
  size_t first = positions.first;
  while (first < positions.end && !sees(a->tree, first, level, bank, row)) first++;
  size_t end = first;
  while (end < positions.end && sees(a->tree, end, level, bank, row)) end++;
  for (size_t e = 0; e < E; e++) {
    double query = 0, value = 0, weight, d_score;
    for (size_t t = first; t < end; t++) {
      pair_backward(a, row, t, e % a->heads, &weight, &d_score);
      query += d_score * a->keys[t * E + e];
      value += weight * a->d_output[t * E + e];
    }
    d_slot[e] = (float)query;
    d_slot[E + e] = (float)value;
  }
}

void single_vector_attention_backward_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention_grad *a = args;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin; unit < end; unit++) {
    const lmn_positions positions = lmn_position_unit(a->tree, LMN_ATTENTION_STRETCH, unit);
    const size_t E = a->width, first = positions.first, last = positions.end - 1;
    for (size_t t = first; t <= last; t++) position_backward(a, t);
    for (size_t i = 0; i <= map.levels; i++)
      for (size_t bank = 0; bank < (i ? a->tree.banks : 1); bank++) {
        const bool upper = i > LMN_ATTENTION_STRETCH_LEVEL;
        size_t row, last_row;
        if (!visible_row(a->tree, a->tree.start + last, i, bank, &last_row)) continue;
        // The first unit also owns a carried node that is not seen any more.
        if ((unit == 0 && !upper) || !visible_row(a->tree, a->tree.start + first, i, bank, &row))
          row = map.level[i].row + bank * map.bank_rows;
        for (; row <= last_row; row++)
          slot_backward(a, positions, i, bank, row,
                        upper ? a->partial + lmn_attention_partial_row(&map, unit, i, bank) * 2 * E
                              : a->d_slots + row * 2 * E);
      }
  }
}

void single_vector_attention_backward_upper_reference(const void *args, size_t begin, size_t end) {
  const lmn_single_vector_attention_grad *a = args;
  const size_t E = a->width, K = a->tree.banks;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t level = LMN_ATTENTION_STRETCH_LEVEL + 1 + unit / K, bank = unit % K;
    const lmn_tree_level nodes = map.level[level];
    for (size_t node = 0; node < nodes.count; node++) {
      const lmn_audience seen = lmn_attention_audience(a->tree, level, nodes.first + node);
      const size_t row = nodes.row + bank * map.bank_rows + node;
      for (size_t e = 0; e < 2 * E; e++) {
        double sum = 0;
        for (size_t u = seen.first; u < seen.end; u++)
          sum += a->partial[lmn_attention_partial_row(&map, u, level, bank) * 2 * E + e];
        a->d_slots[row * 2 * E + e] = (float)sum;
      }
    }
  }
}
