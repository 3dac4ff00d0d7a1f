#include "kernels/expansion.h"

void expansion_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_expansion_call *a = args;
  const size_t E = a->width, r = a->tree.shape.arity, g = a->tree.shape.expansion;
  const size_t slots = a->families.slots, tiles = lmn_units(a->families.count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < a->families.count; j++)
      for (size_t c = 0; c < r; c++)
        for (size_t s = 0; s < slots + g; s++)
          for (size_t e = 0; e < E; e++) {
            double sum = a->expansion.bias[e];
            for (size_t k = 0; k <= g && k <= s; k++) {
              if (s - k >= slots) continue;
              const float *child = a->nodes + lmn_child_slots(a, bank, j, c, s - k).row * E;
              for (size_t i = 0; i < E; i++)
                sum += (double)child[i] * a->expansion.weight[(k * E + i) * E + e];
            }
            a->expansion.grown[lmn_grown_slots(a, bank, j, c, s).row * E + e] = (float)sum;
          }
  }
}

void expansion_backward_nodes_reference(const void *args, size_t begin, size_t end) {
  const lmn_expansion_call *a = args;
  const size_t E = a->width, r = a->tree.shape.arity, g = a->tree.shape.expansion;
  const size_t slots = a->families.slots, tiles = lmn_units(a->families.count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < a->families.count; j++)
      for (size_t c = 0; c < r; c++)
        for (size_t s = 0; s < slots; s++)
          for (size_t i = 0; i < E; i++) {
            float *d_child = a->nodes + lmn_child_slots(a, bank, j, c, s).row * E + i;
            double sum = *d_child;
            for (size_t k = 0; k <= g; k++) {
              const float *d_grown =
                  a->grad.d_grown + lmn_grown_slots(a, bank, j, c, s + k).row * E;
              for (size_t e = 0; e < E; e++)
                sum += (double)d_grown[e] * a->grad.weight_transposed[(k * E + e) * E + i];
            }
            *d_child = (float)sum;
          }
  }
}

void expansion_backward_weight_reference(const void *args, size_t begin, size_t end) {
  lmn_expansion_call a = *(const lmn_expansion_call *)args;
  const lmn_tree_map map = lmn_tree_map_of(a.tree);
  const size_t E = a.width, r = a.tree.shape.arity, tiles = lmn_units(E, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t k = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t e = 0; e < E; e++) {
      double weight[LMN_TILE_ROWS] = {0}, bias = 0;
      for (size_t i = 1; i <= map.levels; i++) {
        a.families = lmn_tree_families(&map, i);
        const size_t banks = a.families.child_stride ? a.tree.shape.banks : 1;
        for (size_t bank = 0; bank < banks; bank++)
          for (size_t j = 0; j < a.families.count; j++)
            for (size_t c = 0; c < r; c++)
              for (size_t s = 0; s < a.families.slots + a.tree.shape.expansion; s++) {
                const float d_grown =
                    a.grad.d_grown[lmn_grown_slots(&a, bank, j, c, s).row * E + e];
                bias += d_grown;
                if (s < k || s - k >= a.families.slots) continue;
                const float *child = a.nodes + lmn_child_slots(&a, bank, j, c, s - k).row * E;
                for (size_t row = first; row < first + LMN_TILE_ROWS && row < E; row++)
                  weight[row - first] += (double)child[row] * d_grown;
              }
      }
      for (size_t row = first; row < first + LMN_TILE_ROWS && row < E; row++)
        a.grad.d_weight[(k * E + row) * E + e] = (float)weight[row - first];
      if (unit == 0) a.grad.d_bias[e] = (float)bias;
    }
  }
}
