// sum = left + right
KERNEL(add_forward) {
  const lmn_add *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  for (size_t i = begin * LMN_BLOCK; i < last; i += VEC_LANES) {
    const size_t lanes = vec_lanes(last - i);
    vec_store(a->sum + i, vec_add(vec_load(a->left + i, lanes), vec_load(a->right + i, lanes)),
              lanes);
  }
}
