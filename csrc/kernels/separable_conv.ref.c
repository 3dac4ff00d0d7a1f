#include "kernels/units.h"

void separable_conv_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_separable_conv *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, r = a->tree.shape.arity;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    const float *taps = a->taps + bank * (r + 1) * E;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < groups->count; j++) {
      const float *children = below + (groups->below + bank * groups->below_stride + r * j) * E;
      const size_t node = (groups->node + bank * groups->node_stride + j) * E;
      for (size_t e = 0; e < E; e++) {
        double mixed = taps[r * E + e];
        for (size_t c = 0; c < r; c++) mixed += (double)taps[c * E + e] * children[c * E + e];
        a->mixed[node + e] = (float)mixed;
      }
      for (size_t e = 0; e < E; e++) {
        double sum = a->bias[bank * E + e];
        for (size_t k = 0; k < E; k++)
          sum += (double)a->mixed[node + k] * a->pointwise[(bank * E + k) * E + e];
        a->nodes[node + e] = (float)sum;
      }
    }
  }
}

void separable_conv_backward_nodes_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_separable_conv_grad *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, r = a->tree.shape.arity;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  const size_t parents = groups->below_stride ? 1 : a->tree.shape.banks;
  float *d_below = a->tree.shape.expansion ? a->expansion.d_grown : a->d_nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t first_bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < groups->count; j++)
      for (size_t e = 0; e < E; e++) {
        float *d_children =
            d_below + (groups->below + first_bank * groups->below_stride + r * j) * E;
        double children[LMN_MOST_ARITY];
        for (size_t c = 0; c < r; c++) children[c] = d_children[c * E + e];
        for (size_t bank = first_bank; bank < first_bank + parents; bank++) {
          const size_t node = (groups->node + bank * groups->node_stride + j) * E;
          double mixed = 0;
          for (size_t k = 0; k < E; k++)
            mixed += (double)a->d_nodes[node + k] * a->pointwise_transposed[(bank * E + k) * E + e];
          a->d_mixed[node + e] = (float)mixed;
          for (size_t c = 0; c < r; c++)
            children[c] += a->taps[(bank * (r + 1) + c) * E + e] * mixed;
        }
        for (size_t c = 0; c < r; c++) d_children[c * E + e] = (float)children[c];
      }
  }
}

void separable_conv_backward_taps_reference(const void *args, size_t begin, size_t end) {
  const lmn_separable_conv_grad *a = args;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const size_t E = a->width, r = a->tree.shape.arity, tiles = lmn_units(E, LMN_TILE_COLUMNS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_COLUMNS;
    for (size_t e = first; e < first + LMN_TILE_COLUMNS && e < E; e++)
      for (size_t c = 0; c <= r; c++) {
        double tap = 0;
        for (size_t i = 1; i <= map.levels; i++) {
          const lmn_groups groups = lmn_groups_of(a->tree.shape, lmn_tree_families(&map, i));
          for (size_t j = 0; j < groups.count; j++) {
            const size_t child = groups.below + bank * groups.below_stride + r * j + c;
            const double mixed = a->d_mixed[(groups.node + bank * groups.node_stride + j) * E + e];
            tap += c < r ? below[child * E + e] * mixed : mixed;
          }
        }
        a->d_taps[(bank * (r + 1) + c) * E + e] = (float)tap;
      }
  }
}

void separable_conv_backward_pointwise_reference(const void *args, size_t begin, size_t end) {
  const lmn_separable_conv_grad *a = args;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const size_t E = a->width, tiles = lmn_units(E, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t e = 0; e < E; e++) {
      double bias = 0;
      for (size_t k = first; k < first + LMN_TILE_ROWS && k < E; k++) {
        double pointwise = 0;
        for (size_t i = 1; i <= map.levels; i++) {
          const lmn_groups groups = lmn_groups_of(a->tree.shape, lmn_tree_families(&map, i));
          for (size_t j = 0; j < groups.count; j++) {
            const size_t node = (groups.node + bank * groups.node_stride + j) * E;
            pointwise += (double)a->mixed[node + k] * a->d_nodes[node + e];
            if (k == 0) bias += a->d_nodes[node + e];
          }
        }
        a->d_pointwise[(bank * E + k) * E + e] = (float)pointwise;
      }
      if (first == 0) a->d_bias[bank * E + e] = (float)bias;
    }
  }
}
