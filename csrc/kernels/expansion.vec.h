// Expansion: a transposed convolution over the slots of every child. One slot of one child of all
// families of a unit is the left factor of a product; its rows are strided.
#ifndef LMN_EXPANSION_VEC_H
#define LMN_EXPANSION_VEC_H

#include <string.h>

#include "isa/kernel.h"
#include "kernels/expansion.h"
#include "kernels/matmul.vec.h"
#include "kernels/row_sum.vec.h"

/// product (+)= left . matrix over the families of a unit.
LMN_INLINE void expansion_product(size_t families, size_t E, const float *left, lmn_slot_rows from,
                                  const float *matrix, float *product, lmn_slot_rows to,
                                  matmul_start start, const float *bias) {
  const matmul_operands o = {
      .inner = E,
      .left = left + from.row * E,
      .left_row = from.step * E,
      .left_step = 1,
      .right = matrix,
      .right_row = E,
      .product = product + to.row * E,
      .product_row = to.step * E,
  };
  matmul_block(families, E, &o, start, bias);
}

// grown[s] = bias + sum over k of child[s - k] . W[k]
KERNEL(expansion_forward) {
  const lmn_expansion_call *a = args;
  const size_t E = a->width, r = a->tree.shape.arity, g = a->tree.shape.expansion;
  const size_t slots = a->families.slots, tiles = lmn_units(a->families.count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    const size_t families = lmn_min(a->families.count - j, LMN_TILE_ROWS);
    for (size_t c = 0; c < r; c++)
      for (size_t s = 0; s < slots + g; s++) {
        matmul_start start = MATMUL_BIAS;
        for (size_t k = s < slots ? 0 : s - slots + 1; k <= g && k <= s; k++) {
          expansion_product(families, E, a->nodes, lmn_child_slots(a, bank, j, c, s - k),
                            a->expansion.weight + k * E * E, a->expansion.grown,
                            lmn_grown_slots(a, bank, j, c, s), start, a->expansion.bias);
          start = MATMUL_PRODUCT;
        }
      }
  }
}

// d_child[s] += sum over k of d_grown[s + k] . W[k]^T
KERNEL(expansion_backward_nodes) {
  const lmn_expansion_call *a = args;
  const size_t E = a->width, r = a->tree.shape.arity, g = a->tree.shape.expansion;
  const size_t slots = a->families.slots, tiles = lmn_units(a->families.count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, j = unit % tiles * LMN_TILE_ROWS;
    const size_t families = lmn_min(a->families.count - j, LMN_TILE_ROWS);
    for (size_t c = 0; c < r; c++)
      for (size_t s = 0; s < slots; s++)
        for (size_t k = 0; k <= g; k++)
          expansion_product(families, E, a->grad.d_grown, lmn_grown_slots(a, bank, j, c, s + k),
                            a->grad.weight_transposed + k * E * E, a->nodes,
                            lmn_child_slots(a, bank, j, c, s), MATMUL_PRODUCT, NULL);
  }
}

// d_W[k] = sum over all children and their slots of child[s]^T . d_grown[s + k]
KERNEL(expansion_backward_weight) {
  lmn_expansion_call a = *(const lmn_expansion_call *)args;
  const lmn_tree_map map = lmn_tree_map_of(a.tree);
  const size_t E = a.width, r = a.tree.shape.arity, tiles = lmn_units(E, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t k = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    const size_t rows = lmn_min(E - first, LMN_TILE_ROWS);
    float *d_weight = a.grad.d_weight + (k * E + first) * E;
    memset(d_weight, 0, rows * E * sizeof *d_weight);
    if (unit == 0) memset(a.grad.d_bias, 0, E * sizeof *d_weight);
    for (size_t i = 1; i <= map.levels; i++) {
      a.families = lmn_tree_families(&map, i);
      const lmn_families *f = &a.families;
      const size_t grown = f->count * (f->slots + a.tree.shape.expansion) * r;
      for (size_t bank = 0; bank < (f->child_stride ? a.tree.shape.banks : 1); bank++) {
        for (size_t c = 0; c < r; c++)
          for (size_t s = 0; s < f->slots; s++) {
            const lmn_slot_rows child = lmn_child_slots(&a, bank, 0, c, s);
            const lmn_slot_rows to = lmn_grown_slots(&a, bank, 0, c, s + k);
            matmul_transposed_block(f->count, rows, E, a.nodes + child.row * E + first,
                                    child.step * E, a.grad.d_grown + to.row * E, to.step * E,
                                    d_weight, E);
          }
        if (unit == 0)
          row_sum_block(grown, E, a.grad.d_grown + (f->grown + bank * f->grown_stride) * E, E,
                        a.grad.d_bias, true);
      }
    }
  }
}

#endif
