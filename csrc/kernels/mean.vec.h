// mean = sum of a row's values / columns; one by one in double, so that a small value beside large
// ones counts.
KERNEL(mean_forward) {
  const lmn_mean *a = args;
  for (size_t r = begin; r < end; r++) {
    double sum = 0;
    for (size_t c = 0; c < a->columns; c++) sum += (double)a->values[r * a->columns + c];
    a->mean[r] = (float)(sum / (double)a->columns);
  }
}

// d_value = d_mean / columns
KERNEL(mean_backward) {
  const lmn_mean_grad *a = args;
  for (size_t r = begin; r < end; r++) {
    const vec share = vec_set(a->d_mean[r] / (float)a->columns);
    for (size_t c = 0; c < a->columns; c += VEC_LANES)
      vec_store(a->d_values + r * a->columns + c, share, vec_lanes(a->columns - c));
  }
}
