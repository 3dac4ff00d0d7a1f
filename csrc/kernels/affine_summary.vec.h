// r consecutive rows are one row of a [groups, r E] matrix: a level is a product per source.
// Adjacent units of one bank are computed together.
#ifndef LMN_AFFINE_SUMMARY_VEC_H
#define LMN_AFFINE_SUMMARY_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/matmul.vec.h"
#include "kernels/row_sum.vec.h"

// node[j] = sum over sources of [below[r j], ..., below[r j + r - 1]] . W + b
KERNEL(affine_summary_forward) {
  const lmn_level *level = args;
  const lmn_affine_summary *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, wide = a->tree.shape.arity * E, J = a->sources;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    count = lmn_min(tiles - unit % tiles, end - unit);
    for (size_t source = 0; source < J; source++) {
      const size_t from = J == 1 ? bank : source;
      const matmul_operands o = {
          .inner = wide,
          .left = below + (groups->below + from * groups->below_stride) * E + j * wide,
          .left_row = wide,
          .left_step = 1,
          .right = a->weight + (bank * J + source) * wide * E,
          .right_row = E,
          .product = a->nodes + (groups->node + bank * groups->node_stride + j) * E,
          .product_row = E,
      };
      matmul_block(lmn_min(groups->count - j, count * LMN_TILE_ROWS), E, &o,
                   source ? MATMUL_PRODUCT : MATMUL_BIAS, a->bias + bank * E);
    }
  }
}

// [d_below[r j], ..., d_below[r j + r - 1]] += d_node[j] . W^T
// A unit adds the contributions of all parents of its children, in order: those of its bank, or of
// all banks if every bank is a source or if the children are tokens.
KERNEL(affine_summary_backward_nodes) {
  const lmn_level *level = args;
  const lmn_affine_summary_grad *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, wide = a->tree.shape.arity * E, J = a->sources;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  float *d_below = a->tree.shape.expansion ? a->expansion.d_grown : a->d_nodes;
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t child_bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    count = lmn_min(tiles - unit % tiles, end - unit);
    for (size_t matrix = 0; matrix < a->tree.shape.banks * J; matrix++) {
      const size_t bank = matrix / J, from = J == 1 ? bank : matrix % J;
      if (groups->below_stride && from != child_bank) continue;
      const matmul_operands o = {
          .inner = E,
          .left = a->d_nodes + (groups->node + bank * groups->node_stride + j) * E,
          .left_row = E,
          .left_step = 1,
          .right = a->weight_transposed + matrix * wide * E,
          .right_row = wide,
          .product = d_below + (groups->below + child_bank * groups->below_stride) * E + j * wide,
          .product_row = wide,
      };
      matmul_block(lmn_min(groups->count - j, count * LMN_TILE_ROWS), wide, &o, MATMUL_PRODUCT,
                   NULL);
    }
  }
}

// d_W = sum over levels and j of [below[r j], ...]^T . d_node[j];  d_b = sum of d_node[j]
KERNEL(affine_summary_backward_weight) {
  const lmn_affine_summary_grad *a = args;
  const size_t E = a->width, wide = a->tree.shape.arity * E, J = a->sources;
  const size_t tiles = lmn_units(wide, LMN_TILE_ROWS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  for (size_t unit = begin, count; unit < end; unit += count) {
    const size_t matrix = unit / tiles, k = unit % tiles * LMN_TILE_ROWS;
    const size_t bank = matrix / J, from = J == 1 ? bank : matrix % J;
    const bool owns_bias = k == 0 && matrix % J == 0;
    count = lmn_min(tiles - unit % tiles, end - unit);
    const size_t rows = lmn_min(wide - k, count * LMN_TILE_ROWS);
    float *d_weight = a->d_weight + (matrix * wide + k) * E, *d_bias = a->d_bias + bank * E;
    memset(d_weight, 0, rows * E * sizeof *d_weight);
    if (owns_bias) memset(d_bias, 0, E * sizeof *d_bias);
    for (size_t i = 1; i <= map.levels; i++) {
      const lmn_groups groups = lmn_groups_of(a->tree.shape, lmn_tree_families(&map, i));
      const float *children = below + (groups.below + from * groups.below_stride) * E;
      const float *d_node = a->d_nodes + (groups.node + bank * groups.node_stride) * E;
      matmul_transposed_block(groups.count, rows, E, children + k, wide, d_node, E, d_weight, E);
      if (owns_bias) row_sum_block(groups.count, E, d_node, E, d_bias, true);
    }
  }
}

#endif
