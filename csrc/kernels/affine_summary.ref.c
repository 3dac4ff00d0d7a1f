#include "kernels/units.h"

void affine_summary_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_affine_summary *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, r = a->tree.shape.arity, J = a->sources;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < groups->count; j++)
      for (size_t e = 0; e < E; e++) {
        double sum = a->bias[bank * E + e];
        for (size_t source = 0; source < J; source++) {
          const size_t from = J == 1 ? bank : source;
          const float *children = below + (groups->below + from * groups->below_stride + r * j) * E;
          for (size_t k = 0; k < r * E; k++)
            sum += (double)children[k] * a->weight[((bank * J + source) * r * E + k) * E + e];
        }
        a->nodes[(groups->node + bank * groups->node_stride + j) * E + e] = (float)sum;
      }
  }
}

void affine_summary_backward_nodes_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_affine_summary_grad *a = level->operation;
  const lmn_groups *groups = &level->groups;
  const size_t E = a->width, r = a->tree.shape.arity, K = a->tree.shape.banks, J = a->sources;
  const size_t tiles = lmn_units(groups->count, LMN_TILE_ROWS);
  float *d_below = a->tree.shape.expansion ? a->expansion.d_grown : a->d_nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t child_bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < groups->count; j++) {
      float *d_children = d_below + (groups->below + child_bank * groups->below_stride + r * j) * E;
      for (size_t k = 0; k < r * E; k++) {
        double sum = d_children[k];
        for (size_t bank = 0; bank < K; bank++)
          for (size_t source = 0; source < J; source++) {
            const size_t from = J == 1 ? bank : source;
            if (groups->below_stride && from != child_bank) continue;
            const float *d_node = a->d_nodes + (groups->node + bank * groups->node_stride + j) * E;
            for (size_t e = 0; e < E; e++)
              sum += (double)d_node[e] *
                     a->weight_transposed[((bank * J + source) * E + e) * r * E + k];
          }
        d_children[k] = (float)sum;
      }
    }
  }
}

void affine_summary_backward_weight_reference(const void *args, size_t begin, size_t end) {
  const lmn_affine_summary_grad *a = args;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const size_t E = a->width, r = a->tree.shape.arity, J = a->sources;
  const size_t tiles = lmn_units(r * E, LMN_TILE_ROWS);
  const float *below = a->tree.shape.expansion ? a->expansion.grown : a->nodes;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t matrix = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    const size_t bank = matrix / J, from = J == 1 ? bank : matrix % J;
    for (size_t e = 0; e < E; e++) {
      double bias = 0;
      for (size_t k = first; k < first + LMN_TILE_ROWS && k < r * E; k++) {
        double weight = 0;
        for (size_t i = 1; i <= map.levels; i++) {
          const lmn_groups groups = lmn_groups_of(a->tree.shape, lmn_tree_families(&map, i));
          for (size_t j = 0; j < groups.count; j++) {
            const float d_node = a->d_nodes[(groups.node + bank * groups.node_stride + j) * E + e];
            weight +=
                (double)below[(groups.below + from * groups.below_stride + r * j) * E + k] * d_node;
            if (k == 0) bias += d_node;
          }
        }
        a->d_weight[(matrix * r * E + k) * E + e] = (float)weight;
      }
      if (first == 0 && matrix % J == 0) a->d_bias[bank * E + e] = (float)bias;
    }
  }
}
