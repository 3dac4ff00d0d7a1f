// Two neighbouring rows of the level below are one row of a [pairs, 2E] matrix: a level is a
// product. Units of one bank that stand together are computed together.

// node[j] = [below[2j], below[2j + 1]] . W + b
KERNEL(pairwise_summary_forward) {
  const lmn_level *level = args;
  const lmn_pairwise_summary *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    count = lmn_min(tiles - unit % tiles, end - unit);
    const matmul_operands o = {
        .inner = 2 * E,
        .left = a->nodes + (pairs->below + bank * pairs->below_stride + 2 * j) * E,
        .left_row = 2 * E,
        .left_step = 1,
        .right = a->weight + bank * 2 * E * E,
        .right_row = E,
        .product = a->nodes + (pairs->node + bank * pairs->node_stride + j) * E,
        .product_row = E,
    };
    matmul_block(lmn_min(pairs->count - j, count * LMN_TILE_ROWS), E, &o, MATMUL_BIAS,
                 a->bias + bank * E);
  }
}

// [d_below[2j], d_below[2j + 1]] += d_node[j] . W^T
// Tokens are the children of every bank's first level: there a unit adds up the banks, in order.
KERNEL(pairwise_summary_backward_nodes) {
  const lmn_level *level = args;
  const lmn_pairwise_summary_grad *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  const size_t parents = pairs->below_stride ? 1 : a->tree.banks;
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t first = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    count = lmn_min(tiles - unit % tiles, end - unit);
    for (size_t bank = first; bank < first + parents; bank++) {
      const matmul_operands o = {
          .inner = E,
          .left = a->d_nodes + (pairs->node + bank * pairs->node_stride + j) * E,
          .left_row = E,
          .left_step = 1,
          .right = a->weight_transposed + bank * 2 * E * E,
          .right_row = 2 * E,
          .product = a->d_nodes + (pairs->below + bank * pairs->below_stride + 2 * j) * E,
          .product_row = 2 * E,
      };
      matmul_block(lmn_min(pairs->count - j, count * LMN_TILE_ROWS), 2 * E, &o, MATMUL_PRODUCT,
                   NULL);
    }
  }
}

// d_W = sum over levels and j of [below[2j], below[2j + 1]]^T . d_node[j];  d_b = sum of d_node[j]
KERNEL(pairwise_summary_backward_weight) {
  const lmn_pairwise_summary_grad *a = args;
  const size_t E = a->width, tiles = lmn_units(2 * E, LMN_TILE_ROWS);
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t bank = unit / tiles, k = unit % tiles * LMN_TILE_ROWS;
    count = lmn_min(tiles - unit % tiles, end - unit);
    const size_t rows = lmn_min(2 * E - k, count * LMN_TILE_ROWS);
    float *d_weight = a->d_weight + (bank * 2 * E + k) * E, *d_bias = a->d_bias + bank * E;
    memset(d_weight, 0, rows * E * sizeof *d_weight);
    if (k == 0) memset(d_bias, 0, E * sizeof *d_bias);
    for (size_t i = 1; i <= map.levels; i++) {
      const lmn_pairs pairs = lmn_tree_pairs(&map, i);
      const float *below = a->nodes + (pairs.below + bank * pairs.below_stride) * E;
      const float *d_node = a->d_nodes + (pairs.node + bank * pairs.node_stride) * E;
      matmul_transposed_block(pairs.count, rows, E, below + k, 2 * E, d_node, E, d_weight, E, true);
      if (k == 0) row_sum_block(pairs.count, E, d_node, E, d_bias, true);
    }
  }
}
