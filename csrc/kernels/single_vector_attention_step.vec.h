// Single-vector attention of one position over a table of slots. Slots stand where positions stand
// in a sequence, side by side in a vector, and the bits are the same.

/// output[e] = (output[e] * kept +) sum over s of weights[s][head of e] * slots[s][e], times
/// factor, for `vectors` vectors, a constant.
LMN_INLINE void step_sums_tile(attention_shape f, const size_t vectors, const float *slots,
                               size_t row, size_t count, const float *weights, bool first, vec kept,
                               vec factor, float *output) {
  vec sum[8];
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++)
    sum[v] = first ? vec_set(0) : vec_mul(kept, vec_load(output + v * f.stride, f.lanes));
  for (size_t s = 0; s < count; s++, slots += row) {
    const vec weight = vec_repeat(weights + s * f.heads, f.heads);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      sum[v] = vec_fma(weight, vec_load(slots + v * f.stride, f.lanes), sum[v]);
  }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++)
    vec_store(output + v * f.stride, vec_mul(sum[v], factor), f.lanes);
}

// output = sum over s of softmax(query[s] . key / sqrt(D)) * value[s], per stream
LMN_INLINE void attention_step(attention_shape f, const lmn_single_vector_attention_step *a,
                               size_t head, size_t begin, size_t end) {
  const size_t E = a->width, size = tile_size(f);
  const float scale = 1 / sqrtf((float)(E / a->heads));
  for (size_t b = begin; b < end; b++) {
    const float *key = a->keys + b * E + head;
    vec largest = vec_set(-INFINITY), normalizer = vec_set(0);
    for (size_t first = 0; first < a->counts[b]; first += ATTENTION_SLOTS) {
      const float *slots = a->slots[b] + head + first * 2 * E;
      const size_t count = lmn_min(a->counts[b] - first, ATTENTION_SLOTS);
      ATTENTION_ALIGNED float weights[ATTENTION_SLOTS * VEC_LANES], folded[VEC_LANES];
      const vec before = largest;
      for (size_t s = 0; s < count; s += size) {
        const float *rows[ATTENTION_GROUP];
        for (size_t q = 0; q < size; q++) rows[q] = slots + lmn_min(s + q, count - 1) * 2 * E;
        head_dots_tile(f, 1, false, &key, 1, 0, rows, scale, weights + s * f.heads);
      }
      const size_t scores = lmn_units(count, size) * size * f.heads;
      for (size_t i = 0; i < scores; i += VEC_LANES)
        largest = vec_max(largest, vec_load(weights + i, VEC_LANES));
      vec_store(folded, largest, VEC_LANES);
      for (size_t i = 0; i < VEC_LANES; i += f.heads)
        largest = vec_max(largest, vec_repeat(folded + i, f.heads));
      for (size_t i = 0; i < scores; i += VEC_LANES)
        vec_store(weights + i, vec_exp(vec_sub(vec_load(weights + i, VEC_LANES), largest)),
                  VEC_LANES);
      const vec kept = first ? vec_exp(vec_sub(before, largest)) : vec_set(0);
      normalizer = vec_mul(normalizer, kept);
      for (size_t s = 0; s < count; s++)
        normalizer = vec_add(normalizer, vec_repeat(weights + s * f.heads, f.heads));
      const bool last = first + count == a->counts[b];
      const vec factor = vec_div(vec_set(1), last ? normalizer : vec_set(1));
      float *output = a->output + b * E + head;
      size_t v = 0;
#define STEP_SUMS(count_of)                                                                    \
  for (; v + count_of <= f.vectors; v += count_of)                                             \
    step_sums_tile(f, count_of, slots + E + v * f.stride, 2 * E, count, weights, !first, kept, \
                   factor, output + v * f.stride);
      STEP_SUMS(8)
      STEP_SUMS(4)
      STEP_SUMS(2)
      STEP_SUMS(1)
#undef STEP_SUMS
    }
  }
}

ATTENTION_KERNEL(single_vector_attention_step_forward, lmn_single_vector_attention_step,
                 attention_step)
