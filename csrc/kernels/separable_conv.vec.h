// Depthwise taps combine children per channel, the pointwise product combines channels.
#ifndef LMN_SEPARABLE_CONV_VEC_H
#define LMN_SEPARABLE_CONV_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/matmul.vec.h"
#include "kernels/row_sum.vec.h"

// mixed[j] = taps[0] * below[r j] + ... + taps[r - 1] * below[r j + r - 1] + taps[r]
// node[j] = mixed[j] . P + p
KERNEL(separable_conv_forward) {
  const lmn_level *level = args;
  const lmn_separable_conv *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, r = a->tree.shape.arity;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    const size_t count = lmn_min(groups->count - j, LMN_TILE_ROWS);
    const size_t node = (groups->node + bank * groups->node_stride + j) * E;
    const float *children = below + (groups->below + bank * groups->below_stride + r * j) * E;
    const float *taps = a->taps + bank * (r + 1) * E;
    for (size_t e = 0; e < E; e += VEC_LANES) {
      const size_t lanes = vec_lanes(E - e);
      vec tap[LMN_MOST_ARITY];
      for (size_t c = 0; c < r; c++) tap[c] = vec_load(taps + c * E + e, lanes);
      const vec bias = vec_load(taps + r * E + e, lanes);
      for (size_t p = 0; p < count; p++) {
        const float *child = children + r * p * E + e;
        vec mixed = bias;
        for (size_t c = 0; c < r; c++)
          mixed = vec_fma(tap[c], vec_load(child + c * E, lanes), mixed);
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

// d_mixed[j] = d_node[j] . P^T;  d_below[r j + c] += taps[c] * d_mixed[j]
// Tokens are children in every bank: there a unit adds the contributions of all banks, in order.
KERNEL(separable_conv_backward_nodes) {
  const lmn_level *level = args;
  const lmn_separable_conv_grad *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, r = a->tree.shape.arity;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  const size_t parents = groups->below_stride ? 1 : a->tree.shape.banks;
  float *d_below = a->tree.shape.expansion ? a->expansion.d_grown : a->d_nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t first = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    const size_t count = lmn_min(groups->count - j, LMN_TILE_ROWS);
    for (size_t bank = first; bank < first + parents; bank++) {
      const size_t node = (groups->node + bank * groups->node_stride + j) * E;
      float *d_children = d_below + (groups->below + bank * groups->below_stride + r * j) * E;
      const float *taps = a->taps + bank * (r + 1) * E;
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
        for (size_t c = 0; c < r; c++)
          for (size_t e = 0; e < E; e += VEC_LANES) {
            const size_t lanes = vec_lanes(E - e);
            float *d_child = d_children + (r * p + c) * E + e;
            const vec d_mixed = vec_load(a->d_mixed + node + p * E + e, lanes);
            const vec tap = vec_load(taps + c * E + e, lanes);
            vec_store(d_child, vec_fma(tap, d_mixed, vec_load(d_child, lanes)), lanes);
          }
    }
  }
}

// d_taps[c] = sum of below[r j + c] * d_mixed[j], d_taps[r] = sum of d_mixed[j]
KERNEL(separable_conv_backward_taps) {
  const lmn_separable_conv_grad *a = args;
  const size_t E = a->width, r = a->tree.shape.arity, tiles = lmn_units(E, LMN_TILE_COLUMNS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_COLUMNS;
    const size_t last = lmn_min(first + LMN_TILE_COLUMNS, E);
    for (size_t e = first; e < last; e += VEC_LANES) {
      const size_t lanes = vec_lanes(last - e);
      vec tap[LMN_MOST_ARITY + 1];
      for (size_t c = 0; c <= r; c++) tap[c] = vec_set(0);
      for (size_t i = 1; i <= map.levels; i++) {
        const lmn_groups groups = lmn_groups_of(a->tree.shape, lmn_tree_families(&map, i));
        const float *child = below + (groups.below + bank * groups.below_stride) * E + e;
        const float *d_mixed = a->d_mixed + (groups.node + bank * groups.node_stride) * E + e;
        for (size_t p = 0; p < groups.count; p++, child += r * E) {
          const vec d = vec_load(d_mixed + p * E, lanes);
          for (size_t c = 0; c < r; c++)
            tap[c] = vec_fma(vec_load(child + c * E, lanes), d, tap[c]);
          tap[r] = vec_add(tap[r], d);
        }
      }
      for (size_t c = 0; c <= r; c++)
        vec_store(a->d_taps + (bank * (r + 1) + c) * E + e, tap[c], lanes);
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
      const lmn_groups groups = lmn_groups_of(a->tree.shape, lmn_tree_families(&map, i));
      const size_t node = (groups.node + bank * groups.node_stride) * E;
      matmul_transposed_block(groups.count, rows, E, a->mixed + node + k, E, a->d_nodes + node, E,
                              d_pointwise, E);
      if (k == 0) row_sum_block(groups.count, E, a->d_nodes + node, E, d_bias, true);
    }
  }
}

#endif
