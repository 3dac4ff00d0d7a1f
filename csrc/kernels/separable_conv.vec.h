// Depthwise taps mix the two children channel by channel, the pointwise product mixes the channels.

// mixed[j] = taps[0] * below[2j] + taps[1] * below[2j + 1] + taps[2];  node[j] = mixed[j] . P + p
KERNEL(separable_conv_forward) {
  const lmn_level *level = args;
  const lmn_separable_conv *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    const size_t count = lmn_min(pairs->count - j, LMN_TILE_ROWS);
    const size_t node = (pairs->node + bank * pairs->node_stride + j) * E;
    const float *below = a->nodes + (pairs->below + bank * pairs->below_stride + 2 * j) * E;
    const float *taps = a->taps + bank * 3 * E;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      const vec left = vec_load(taps + e, lanes), right = vec_load(taps + E + e, lanes);
      const vec bias = vec_load(taps + 2 * E + e, lanes);
      for (size_t p = 0; p < count; p++) {
        const float *pair = below + 2 * p * E + e;
        vec mixed = vec_fma(left, vec_load(pair, lanes), bias);
        mixed = vec_fma(right, vec_load(pair + E, lanes), mixed);
        vec_store(a->mixed + node + p * E + e, mixed, lanes);
      }
    }
    const matmul_operands o = {
        .inner = E,
        .left = a->mixed + node,
        .left_row = E,
        .left_step = 1,
        .right = a->pointwise + bank * E * E,
        .right_row = E,
        .product = a->nodes + node,
        .product_row = E,
    };
    matmul_block(count, E, &o, MATMUL_BIAS, a->bias + bank * E);
  }
}

// d_mixed[j] = d_node[j] . P^T;  d_below[2j] += taps[0] * d_mixed[j];  d_below[2j + 1] likewise
// Tokens are the children of every bank's first level: there a unit adds up the banks, in order.
KERNEL(separable_conv_backward_nodes) {
  const lmn_level *level = args;
  const lmn_separable_conv_grad *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  const size_t parents = pairs->below_stride ? 1 : a->tree.banks;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t first = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    const size_t count = lmn_min(pairs->count - j, LMN_TILE_ROWS);
    for (size_t bank = first; bank < first + parents; bank++) {
      const size_t node = (pairs->node + bank * pairs->node_stride + j) * E;
      float *d_below = a->d_nodes + (pairs->below + bank * pairs->below_stride + 2 * j) * E;
      const float *taps = a->taps + bank * 3 * E;
      const matmul_operands o = {
          .inner = E,
          .left = a->d_nodes + node,
          .left_row = E,
          .left_step = 1,
          .right = a->pointwise_transposed + bank * E * E,
          .right_row = E,
          .product = a->d_mixed + node,
          .product_row = E,
      };
      matmul_block(count, E, &o, MATMUL_ZERO, NULL);
      for (size_t p = 0; p < count; p++)
        for (size_t child = 0; child < 2; child++)
          for (size_t e = 0; e < E; e += VEC_LANES) {
            const size_t lanes = vec_lanes(E - e);
            float *d_child = d_below + (2 * p + child) * E + e;
            const vec d_mixed = vec_load(a->d_mixed + node + p * E + e, lanes);
            const vec tap = vec_load(taps + child * E + e, lanes);
            vec_store(d_child, vec_fma(tap, d_mixed, vec_load(d_child, lanes)), lanes);
          }
    }
  }
}

// d_taps[0] = sum of below[2j] * d_mixed[j], d_taps[1] likewise, d_taps[2] = sum of d_mixed[j]
KERNEL(separable_conv_backward_taps) {
  const lmn_separable_conv_grad *a = args;
  const size_t E = a->width, tiles = lmn_units(E, LMN_TILE_COLUMNS);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_COLUMNS;
    const size_t last = lmn_min(first + LMN_TILE_COLUMNS, E);
    for (size_t e = first; e < last; e += VEC_LANES) {
      const size_t lanes = vec_lanes(last - e);
      vec left = vec_set(0), right = vec_set(0), bias = vec_set(0);
      for (size_t i = 1; i <= map.levels; i++) {
        const lmn_pairs pairs = lmn_tree_pairs(&map, i);
        const float *below = a->nodes + (pairs.below + bank * pairs.below_stride) * E + e;
        const float *d_mixed = a->d_mixed + (pairs.node + bank * pairs.node_stride) * E + e;
        for (size_t p = 0; p < pairs.count; p++) {
          const vec d = vec_load(d_mixed + p * E, lanes);
          left = vec_fma(vec_load(below + 2 * p * E, lanes), d, left);
          right = vec_fma(vec_load(below + (2 * p + 1) * E, lanes), d, right);
          bias = vec_add(bias, d);
        }
      }
      float *d_taps = a->d_taps + bank * 3 * E + e;
      vec_store(d_taps, left, lanes);
      vec_store(d_taps + E, right, lanes);
      vec_store(d_taps + 2 * E, bias, lanes);
    }
  }
}

// d_P = sum over levels and j of mixed[j]^T . d_node[j];  d_p = sum of d_node[j]
KERNEL(separable_conv_backward_pointwise) {
  const lmn_separable_conv_grad *a = args;
  const size_t E = a->width, tiles = lmn_units(E, LMN_TILE_ROWS);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t bank = unit / tiles, k = unit % tiles * LMN_TILE_ROWS;
    count = lmn_min(tiles - unit % tiles, end - unit);
    const size_t rows = lmn_min(E - k, count * LMN_TILE_ROWS);
    float *d_pointwise = a->d_pointwise + (bank * E + k) * E, *d_bias = a->d_bias + bank * E;
    memset(d_pointwise, 0, rows * E * sizeof *d_pointwise);
    if (k == 0) memset(d_bias, 0, E * sizeof *d_bias);
    for (size_t i = 1; i <= map.levels; i++) {
      const lmn_pairs pairs = lmn_tree_pairs(&map, i);
      const size_t node = (pairs.node + bank * pairs.node_stride) * E;
      matmul_transposed_block(pairs.count, rows, E, a->mixed + node + k, E, a->d_nodes + node, E,
                              d_pointwise, E, true);
      if (k == 0) row_sum_block(pairs.count, E, a->d_nodes + node, E, d_bias, true);
    }
  }
}
