// Every slot asks, one vector answers. A position walks over the slots it sees, a node over the
// positions that see it; both in blocks, so that exp works on whole vectors.
#include "kernels/single_vector_attention.h"

enum { ATTENTION_BLOCK = 64 };

/// The softmax of one position over slots that come in blocks (arXiv 1805.02867): per head the
/// largest score and the sum of exp(score - largest) stand beside the output while it grows.
typedef struct {
  size_t width, heads;
  const float *key;
  float *output;      // [E]
  float *largest;     // [H]
  float *normalizer;  // [H]
} attention_position;

LMN_INLINE void attend(const attention_position *a, const float *const *slots, size_t count,
                       bool first) {
  const size_t E = a->width, D = E / a->heads;
  const float scale = 1 / sqrtf((float)D);
  for (size_t h = 0; h < a->heads; h++) {
    float weights[ATTENTION_BLOCK];
    vec largest = vec_set(-INFINITY), sum = vec_set(0);
    for (size_t s = 0; s < count; s++)
      weights[s] = vec_dot(slots[s] + h * D, a->key + h * D, D) * scale;
    for (size_t s = 0; s < count; s += VEC_LANES) {
      const size_t lanes = vec_lanes(count - s);
      largest = vec_max(largest, vec_first(vec_load(weights + s, lanes), lanes, -INFINITY));
    }
    const float block_largest = vec_largest(largest);
    const float old_largest = first ? block_largest : a->largest[h];
    const float new_largest = fmaxf(old_largest, block_largest);
    for (size_t s = 0; s < count; s += VEC_LANES) {
      const size_t lanes = vec_lanes(count - s);
      const vec weight = vec_exp(vec_sub(vec_load(weights + s, lanes), vec_set(new_largest)));
      sum = vec_add(sum, vec_first(weight, lanes, 0));
      vec_store(weights + s, weight, lanes);
    }
    const float kept = first ? 0 : expf(old_largest - new_largest);
    a->normalizer[h] = (first ? 0 : kept * a->normalizer[h]) + vec_sum(sum);
    a->largest[h] = new_largest;
    for (size_t d = 0; d < D; d += VEC_LANES) {
      const size_t lanes = vec_lanes(D - d);
      float *output = a->output + h * D + d;
      vec value = first ? vec_set(0) : vec_mul(vec_set(kept), vec_load(output, lanes));
      for (size_t s = 0; s < count; s++)
        value = vec_fma(vec_set(weights[s]), vec_load(slots[s] + E + h * D + d, lanes), value);
      vec_store(output, value, lanes);
    }
  }
}

LMN_INLINE void attention_finish(const attention_position *a) {
  const size_t D = a->width / a->heads;
  for (size_t h = 0; h < a->heads; h++)
    for (size_t d = 0; d < D; d += VEC_LANES) {
      const size_t lanes = vec_lanes(D - d);
      float *output = a->output + h * D + d;
      vec_store(output, vec_div(vec_load(output, lanes), vec_set(a->normalizer[h])), lanes);
    }
}

// output[t] = sum over s of softmax(query[s] . key[t] / sqrt(D)) * value[s]
KERNEL(single_vector_attention_forward) {
  const lmn_single_vector_attention *a = args;
  const size_t E = a->width, H = a->heads;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t t = begin; t < end; t++) {
    float *log_normalizer = a->log_normalizer + t * H;
    float normalizer[H];
    const attention_position position = {E, H, a->keys + t * E, a->output + t * E, log_normalizer,
                                         normalizer};
    lmn_view view = lmn_view_at(&map, t);
    const float *slots[ATTENTION_BLOCK];
    size_t count = 0, row;
    bool first = true;
    while (lmn_view_next(&view, &row)) {
      if (count == ATTENTION_BLOCK) {
        attend(&position, slots, count, first);
        first = false;
        count = 0;
      }
      slots[count++] = a->slots + row * 2 * E;
    }
    attend(&position, slots, count, first);
    attention_finish(&position);
    for (size_t h = 0; h < H; h++) log_normalizer[h] += logf(normalizer[h]);
  }
}

// The same over a table of slots.
KERNEL(single_vector_attention_step_forward) {
  const lmn_single_vector_attention_step *a = args;
  const size_t E = a->width, H = a->heads;
  for (size_t b = begin; b < end; b++) {
    float largest[H], normalizer[H];
    const attention_position position = {E, H, a->keys + b * E, a->output + b * E, largest,
                                         normalizer};
    const float *slots[ATTENTION_BLOCK];
    for (size_t first = 0; first < a->counts[b]; first += ATTENTION_BLOCK) {
      const size_t count = lmn_min(a->counts[b] - first, ATTENTION_BLOCK);
      for (size_t s = 0; s < count; s++) slots[s] = a->slots[b] + (first + s) * 2 * E;
      attend(&position, slots, count, first == 0);
    }
    attention_finish(&position);
  }
}

/// Weight and score cotangent of pairs (slot, position), from the dots that are there already:
///   weight = exp(score - log_normalizer),  d_score = weight * (d_weight - d_normalizer) / sqrt(D)
LMN_INLINE void attention_pairs_backward(float *score, float *d_weight, const float *log_normalizer,
                                         const float *d_normalizer, float scale, size_t count) {
  for (size_t i = 0; i < count; i += VEC_LANES) {
    const size_t lanes = vec_lanes(count - i);
    const vec s = vec_mul(vec_load(score + i, lanes), vec_set(scale));
    const vec weight = vec_exp(vec_sub(s, vec_load(log_normalizer + i, lanes)));
    const vec d = vec_sub(vec_load(d_weight + i, lanes), vec_load(d_normalizer + i, lanes));
    vec_store(score + i, weight, lanes);
    vec_store(d_weight + i, vec_mul(vec_mul(weight, d), vec_set(scale)), lanes);
  }
}

// d_key[t] = sum over s of d_score[s, t] * query[s];  d_normalizer[t] = d_output[t] . output[t]
KERNEL(single_vector_attention_backward_keys) {
  const lmn_single_vector_attention_grad *a = args;
  const size_t E = a->width, H = a->heads, D = E / H;
  const float scale = 1 / sqrtf((float)D);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t t = begin; t < end; t++) {
    float *d_key = a->d_keys + t * E, *d_normalizer = a->d_normalizer + t * H;
    const float *d_output = a->d_output + t * E, *key = a->keys + t * E;
    memset(d_key, 0, E * sizeof *d_key);
    for (size_t h = 0; h < H; h++)
      d_normalizer[h] = vec_dot(d_output + h * D, a->output + t * E + h * D, D);

    lmn_view view = lmn_view_at(&map, t);
    for (bool more = true; more;) {
      const float *slots[ATTENTION_BLOCK];
      size_t count = 0, row;
      while (count < ATTENTION_BLOCK && (more = lmn_view_next(&view, &row)))
        slots[count++] = a->slots + row * 2 * E;
      for (size_t h = 0; h < H; h++) {
        float score[ATTENTION_BLOCK], d_score[ATTENTION_BLOCK];
        float log_normalizers[ATTENTION_BLOCK], d_normalizers[ATTENTION_BLOCK];
        for (size_t s = 0; s < count; s++) {
          score[s] = vec_dot(slots[s] + h * D, key + h * D, D);
          d_score[s] = vec_dot(slots[s] + E + h * D, d_output + h * D, D);
          log_normalizers[s] = a->log_normalizer[t * H + h];
          d_normalizers[s] = d_normalizer[h];
        }
        attention_pairs_backward(score, d_score, log_normalizers, d_normalizers, scale, count);
        for (size_t s = 0; s < count; s++)
          vec_accumulate(d_key + h * D, d_score[s], slots[s] + h * D, D);
      }
    }
  }
}

// d_query[s] = sum over t of d_score[s, t] * key[t];  d_value[s] = sum of weight * d_output[t]
// A node gathers from the one stretch of positions that see it, so nothing is scattered.
KERNEL(single_vector_attention_backward_slots) {
  const single_vector_attention_grad_level *level = args;
  const lmn_single_vector_attention_grad *a = level->grad;
  const size_t E = a->width, H = a->heads, D = E / H;
  const float scale = 1 / sqrtf((float)D);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const lmn_tree_level nodes = map.level[level->level];
  for (size_t unit = begin; unit < end; unit++) {
    const size_t h = unit % H, node = unit / H % nodes.count, bank = unit / H / nodes.count;
    const size_t row = nodes.row + bank * map.bank_rows + node;
    const lmn_audience audience = lmn_tree_audience(a->tree, level->level, nodes.first + node);
    const float *query = a->slots + row * 2 * E + h * D, *value = query + E;
    float *d_query = a->d_slots + row * 2 * E + h * D, *d_value = d_query + E;
    memset(d_query, 0, D * sizeof *d_query);
    memset(d_value, 0, D * sizeof *d_value);
    for (size_t first = 0; first < audience.count; first += ATTENTION_BLOCK) {
      const size_t count = lmn_min(audience.count - first, ATTENTION_BLOCK);
      const size_t t = audience.first + first;
      const float *keys = a->keys + t * E + h * D, *d_output = a->d_output + t * E + h * D;
      float weight[ATTENTION_BLOCK], d_score[ATTENTION_BLOCK];
      float log_normalizers[ATTENTION_BLOCK], d_normalizers[ATTENTION_BLOCK];
      for (size_t i = 0; i < count; i++) {
        weight[i] = vec_dot(query, keys + i * E, D);
        d_score[i] = vec_dot(value, d_output + i * E, D);
        log_normalizers[i] = a->log_normalizer[(t + i) * H + h];
        d_normalizers[i] = a->d_normalizer[(t + i) * H + h];
      }
      attention_pairs_backward(weight, d_score, log_normalizers, d_normalizers, scale, count);
      for (size_t d = 0; d < D; d += VEC_LANES) {
        const size_t lanes = vec_lanes(D - d);
        vec dq = vec_load(d_query + d, lanes), dv = vec_load(d_value + d, lanes);
        for (size_t i = 0; i < count; i++) {
          dq = vec_fma(vec_set(d_score[i]), vec_load(keys + i * E + d, lanes), dq);
          dv = vec_fma(vec_set(weight[i]), vec_load(d_output + i * E + d, lanes), dv);
        }
        vec_store(d_query + d, dq, lanes);
        vec_store(d_value + d, dv, lanes);
      }
    }
  }
}
