// Every slot asks, one vector answers. A position walks over the slots it sees, a node over the
// positions that see it; both in blocks, so that exp works on whole vectors.
#include "kernels/single_vector_attention.h"

enum {
  ATTENTION_BLOCK = 64,     // pairs of a slot and a position that are worked on at once, at most
  ATTENTION_SCORES = 1024,  // their scores, of all heads
};

/// How many pairs a block has. Scores of a pair stand side by side, a row of H.
LMN_INLINE size_t attention_block(size_t heads) {
  return lmn_min(ATTENTION_BLOCK, ATTENTION_SCORES / heads);
}

/// Whether a vector holds every head equally often, so that lane l is head l modulo H.
LMN_INLINE bool heads_fill_vectors(size_t heads) { return VEC_LANES % heads == 0; }

/// dots[i][h] = scale * sum of rows[i][e] * fixed[e] over the features of head h, rows by pointers
/// and an offset
LMN_INLINE void head_dots(size_t E, size_t H, const float *const *rows, size_t offset, size_t count,
                          const float *fixed, float scale, float *dots) {
  if (heads_fill_vectors(H)) {
    // As many rows as fill a vector with their dots: whole vectors are stored, and so can be loaded
    // at once.
    const size_t group = VEC_LANES / H;
    for (size_t i = 0; i < count; i += group) {
      const size_t members = lmn_min(group, count - i);
      vec all = vec_set(0);
      for (size_t m = 0; m < members; m++) {
        const float *row = rows[i + m] + offset;
        vec sum = vec_set(0);
        for (size_t e = 0; e < E; e += VEC_LANES) {
          const size_t lanes = vec_lanes(E - e);
          sum = vec_fma(vec_load(row + e, lanes), vec_load(fixed + e, lanes), sum);
        }
        all = vec_place(all, vec_fold(sum, H), m, H);
      }
      vec_store(dots + i * H, vec_mul(all, vec_set(scale)), members * H);
    }
    return;
  }
  for (size_t i = 0; i < count; i++)
    for (size_t h = 0; h < H; h += VEC_LANES) {
      const size_t lanes = vec_lanes(H - h);
      vec sum = vec_set(0);
      for (size_t e = h; e < E; e += H)
        sum = vec_fma(vec_load(rows[i] + offset + e, lanes), vec_load(fixed + e, lanes), sum);
      vec_store(dots + i * H + h, vec_mul(sum, vec_set(scale)), lanes);
    }
}

/// largest[h] = the larger of itself and values[i][h] for all i < count
LMN_INLINE void head_largest(size_t H, size_t count, const float *values, float *largest) {
  if (heads_fill_vectors(H)) {
    vec most = vec_repeat(largest, H);
    for (size_t i = 0; i < count * H; i += VEC_LANES) {
      const size_t lanes = vec_lanes(count * H - i);
      most = vec_max(most, vec_first(vec_load(values + i, lanes), lanes, -INFINITY));
    }
    vec_store(largest, vec_fold_max(most, H), H);
    return;
  }
  for (size_t h = 0; h < H; h += VEC_LANES) {
    const size_t lanes = vec_lanes(H - h);
    vec most = vec_load(largest + h, lanes);
    for (size_t i = 0; i < count; i++) most = vec_max(most, vec_load(values + i * H + h, lanes));
    vec_store(largest + h, most, lanes);
  }
}

/// sum[e] += over i < count of weights[i][head of e] * rows[i][e], rows by pointers and an offset
LMN_INLINE void head_weighted_sum(size_t E, size_t H, const float *weights,
                                  const float *const *rows, size_t offset, size_t count,
                                  float *sum) {
  if (heads_fill_vectors(H)) {
    for (size_t e = 0; e < E; e += 2 * VEC_LANES) {
      const size_t lanes = vec_lanes(E - e), next = e + lanes, next_lanes = vec_lanes(E - next);
      vec a = vec_load(sum + e, lanes), b = vec_load(sum + next, next_lanes);
      for (size_t i = 0; i < count; i++) {
        const vec weight = vec_repeat(weights + i * H, H);
        const float *row = rows[i] + offset;
        a = vec_fma(weight, vec_load(row + e, lanes), a);
        b = vec_fma(weight, vec_load(row + next, next_lanes), b);
      }
      vec_store(sum + e, a, lanes);
      vec_store(sum + next, b, next_lanes);
    }
    return;
  }
  for (size_t h = 0; h < H; h += VEC_LANES) {
    const size_t lanes = vec_lanes(H - h);
    for (size_t e = h; e < E; e += H) {
      vec a = vec_load(sum + e, lanes);
      for (size_t i = 0; i < count; i++)
        a = vec_fma(vec_load(weights + i * H + h, lanes), vec_load(rows[i] + offset + e, lanes), a);
      vec_store(sum + e, a, lanes);
    }
  }
}

/// values[i][h] = exp(values[i][h] - largest[h]);  sums[h] += over i of that
LMN_INLINE void head_exp(size_t H, size_t count, const float *largest, float *values, float *sums) {
  const size_t stride = heads_fill_vectors(H) ? VEC_LANES : H;
  for (size_t h = 0; h < H; h += VEC_LANES) {
    const size_t width = heads_fill_vectors(H) ? VEC_LANES : vec_lanes(H - h);
    const vec top = heads_fill_vectors(H) ? vec_repeat(largest, H) : vec_load(largest + h, width);
    vec sum = vec_set(0);
    for (size_t i = h; i < count * H; i += stride) {
      const size_t lanes = lmn_min(width, count * H - i);
      const vec weight = vec_exp(vec_sub(vec_load(values + i, lanes), top));
      vec_store(values + i, weight, lanes);
      sum = vec_add(sum, vec_first(weight, lanes, 0));
    }
    const size_t heads = vec_lanes(H - h);
    if (heads_fill_vectors(H)) sum = vec_fold(sum, H);
    vec_store(sums + h, vec_add(vec_load(sums + h, heads), sum), heads);
  }
}

/// The softmax of one position over slots that come in blocks (arXiv 1805.02867): per head the
/// largest score and the sum of exp(score - largest) stand beside the output while it grows.
typedef struct {
  size_t width, heads;
  float scale;
  const float *key;
  float *output;                     // [E]
  float largest[LMN_MOST_HEADS];     // [H]
  float normalizer[LMN_MOST_HEADS];  // [H]
} attention_position;

LMN_INLINE void attention_begin(attention_position *a) {
  memset(a->output, 0, a->width * sizeof(float));
  memset(a->normalizer, 0, a->heads * sizeof(float));
  for (size_t h = 0; h < a->heads; h++) a->largest[h] = -INFINITY;
}

LMN_INLINE void attention_add(attention_position *a, const float *const *slots, size_t count) {
  const size_t E = a->width, H = a->heads;
  float weights[ATTENTION_SCORES];
  head_dots(E, H, slots, 0, count, a->key, a->scale, weights);
  float before[LMN_MOST_HEADS];
  memcpy(before, a->largest, H * sizeof *before);
  head_largest(H, count, weights, a->largest);
  for (size_t h = 0; a->normalizer[0] > 0 && h < H; h++) {
    // What earlier blocks added stands for exp(score - the largest so far).
    const float kept = expf(before[h] - a->largest[h]);
    a->normalizer[h] *= kept;
    for (size_t e = h; e < E; e += H) a->output[e] *= kept;
  }
  head_exp(H, count, a->largest, weights, a->normalizer);
  head_weighted_sum(E, H, weights, slots, E, count, a->output);
}

LMN_INLINE void attention_end(attention_position *a) {
  const size_t E = a->width, H = a->heads;
  const size_t stride = heads_fill_vectors(H) ? VEC_LANES : H;
  for (size_t e = 0; e < E; e += stride)
    for (size_t h = 0; h < H; h += VEC_LANES) {
      const size_t lanes = heads_fill_vectors(H) ? vec_lanes(E - e) : vec_lanes(H - h);
      const vec normalizer =
          heads_fill_vectors(H) ? vec_repeat(a->normalizer, H) : vec_load(a->normalizer + h, lanes);
      float *output = a->output + e + h;
      vec_store(output, vec_div(vec_load(output, lanes), normalizer), lanes);
    }
}

// output[t] = sum over s of softmax(query[s] . key[t] / sqrt(D)) * value[s]
KERNEL(single_vector_attention_forward) {
  const lmn_single_vector_attention *a = args;
  const size_t E = a->width, H = a->heads, block = attention_block(H);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  attention_position position = {.width = E, .heads = H, .scale = 1 / sqrtf((float)(E / H))};
  for (size_t t = begin; t < end; t++) {
    position.key = a->keys + t * E;
    position.output = a->output + t * E;
    attention_begin(&position);
    lmn_view view = lmn_view_at(&map, t);
    for (bool more = true; more;) {
      const float *slots[ATTENTION_BLOCK];
      size_t count = 0, row;
      while (count < block && (more = lmn_view_next(&view, &row)))
        slots[count++] = a->slots + row * 2 * E;
      if (count) attention_add(&position, slots, count);
    }
    attention_end(&position);
    for (size_t h = 0; h < H; h++)
      a->log_normalizer[t * H + h] = position.largest[h] + logf(position.normalizer[h]);
  }
}

// The same over a table of slots.
KERNEL(single_vector_attention_step_forward) {
  const lmn_single_vector_attention_step *a = args;
  const size_t E = a->width, H = a->heads, block = attention_block(H);
  attention_position position = {.width = E, .heads = H, .scale = 1 / sqrtf((float)(E / H))};
  for (size_t b = begin; b < end; b++) {
    position.key = a->keys + b * E;
    position.output = a->output + b * E;
    attention_begin(&position);
    for (size_t first = 0; first < a->counts[b]; first += block) {
      const float *slots[ATTENTION_BLOCK];
      const size_t count = lmn_min(a->counts[b] - first, block);
      for (size_t s = 0; s < count; s++) slots[s] = a->slots[b] + (first + s) * 2 * E;
      attention_add(&position, slots, count);
    }
    attention_end(&position);
  }
}

/// Weight and score cotangent of a vector of pairs:
///   weight = exp(score - log_normalizer),  d_score = weight * (d_weight - d_normalizer) * scale
LMN_INLINE void attention_pair_backward(float *score, float *d_weight, vec log_normalizer,
                                        vec d_normalizer, float scale, size_t lanes) {
  const vec weight = vec_exp(vec_sub(vec_load(score, lanes), log_normalizer));
  const vec d = vec_sub(vec_load(d_weight, lanes), d_normalizer);
  vec_store(score, weight, lanes);
  vec_store(d_weight, vec_mul(vec_mul(weight, d), vec_set(scale)), lanes);
}

/// The same for pairs of one position, whose normalizers are one row of H.
LMN_INLINE void attention_position_backward(size_t H, size_t count, float *score, float *d_weight,
                                            const float *log_normalizer, const float *d_normalizer,
                                            float scale) {
  if (heads_fill_vectors(H)) {
    const vec log_normalizers = vec_repeat(log_normalizer, H);
    const vec d_normalizers = vec_repeat(d_normalizer, H);
    for (size_t i = 0; i < count * H; i += VEC_LANES)
      attention_pair_backward(score + i, d_weight + i, log_normalizers, d_normalizers, scale,
                              vec_lanes(count * H - i));
    return;
  }
  for (size_t h = 0; h < H; h += VEC_LANES) {
    const size_t lanes = vec_lanes(H - h);
    for (size_t i = h; i < count * H; i += H)
      attention_pair_backward(score + i, d_weight + i, vec_load(log_normalizer + h, lanes),
                              vec_load(d_normalizer + h, lanes), scale, lanes);
  }
}

// d_key[t] = sum over s of d_score[s, t] * query[s];  d_normalizer[t] = d_output[t] . output[t]
KERNEL(single_vector_attention_backward_keys) {
  const lmn_single_vector_attention_grad *a = args;
  const size_t E = a->width, H = a->heads, block = attention_block(H);
  const float scale = 1 / sqrtf((float)(E / H));
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t t = begin; t < end; t++) {
    float *d_key = a->d_keys + t * E, *d_normalizer = a->d_normalizer + t * H;
    const float *d_output = a->d_output + t * E, *key = a->keys + t * E;
    memset(d_key, 0, E * sizeof *d_key);
    head_dots(E, H, &d_output, 0, 1, a->output + t * E, 1, d_normalizer);

    lmn_view view = lmn_view_at(&map, t);
    for (bool more = true; more;) {
      const float *slots[ATTENTION_BLOCK];
      float score[ATTENTION_SCORES], d_score[ATTENTION_SCORES];
      size_t count = 0, row;
      while (count < block && (more = lmn_view_next(&view, &row)))
        slots[count++] = a->slots + row * 2 * E;
      head_dots(E, H, slots, 0, count, key, scale, score);
      head_dots(E, H, slots, E, count, d_output, 1, d_score);
      attention_position_backward(H, count, score, d_score, a->log_normalizer + t * H, d_normalizer,
                                  scale);
      head_weighted_sum(E, H, d_score, slots, 0, count, d_key);
    }
  }
}

// d_query[s] = sum over t of d_score[s, t] * key[t];  d_value[s] = sum of weight * d_output[t]
// A node gathers from the one stretch of positions that see it, so nothing is scattered.
KERNEL(single_vector_attention_backward_slots) {
  const single_vector_attention_grad_level *level = args;
  const lmn_single_vector_attention_grad *a = level->grad;
  const size_t E = a->width, H = a->heads, block = attention_block(H);
  const float scale = 1 / sqrtf((float)(E / H));
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const lmn_tree_level nodes = map.level[level->level];
  for (size_t unit = begin; unit < end; unit++) {
    const size_t node = unit % nodes.count, bank = unit / nodes.count;
    const size_t row = nodes.row + bank * map.bank_rows + node;
    const lmn_audience audience = lmn_tree_audience(a->tree, level->level, nodes.first + node);
    const float *query = a->slots + row * 2 * E, *value = query + E;
    float *d_query = a->d_slots + row * 2 * E, *d_value = d_query + E;
    memset(d_query, 0, 2 * E * sizeof *d_query);
    for (size_t first = 0; first < audience.count; first += block) {
      const size_t count = lmn_min(audience.count - first, block), t = audience.first + first;
      const float *keys[ATTENTION_BLOCK], *d_outputs[ATTENTION_BLOCK];
      float weight[ATTENTION_SCORES], d_score[ATTENTION_SCORES];
      for (size_t i = 0; i < count; i++) {
        keys[i] = a->keys + (t + i) * E;
        d_outputs[i] = a->d_output + (t + i) * E;
      }
      head_dots(E, H, keys, 0, count, query, scale, weight);
      head_dots(E, H, d_outputs, 0, count, value, 1, d_score);
      const float *log_normalizer = a->log_normalizer + t * H;
      const float *d_normalizer = a->d_normalizer + t * H;
      for (size_t i = 0; i < count * H; i += VEC_LANES) {
        const size_t lanes = vec_lanes(count * H - i);
        attention_pair_backward(weight + i, d_score + i, vec_load(log_normalizer + i, lanes),
                                vec_load(d_normalizer + i, lanes), scale, lanes);
      }
      head_weighted_sum(E, H, d_score, keys, 0, count, d_query);
      head_weighted_sum(E, H, weight, d_outputs, 0, count, d_value);
    }
  }
}
