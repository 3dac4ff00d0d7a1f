// activated = x * sigmoid(x)
KERNEL(silu_forward) {
  const lmn_silu *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes);
    vec_store(a->activated + i, vec_mul(x, vec_sigmoid(x)), lanes);
  }
}

// d_x = dy * s * (1 + x * (1 - s)), s = sigmoid(x)
KERNEL(silu_backward) {
  const lmn_silu_grad *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    const vec x = vec_load(a->x + i, lanes), s = vec_sigmoid(x);
    const vec slope = vec_mul(s, vec_fma(x, vec_sub(vec_set(1), s), vec_set(1)));
    vec_store(a->d_x + i, vec_mul(vec_load(a->d_activated + i, lanes), slope), lanes);
  }
}
