#include "kernels/units.h"

void pairwise_summary_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_pairwise_summary *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < pairs->count; j++) {
      const float *pair = a->nodes + (pairs->below + bank * pairs->below_stride + 2 * j) * E;
      float *node = a->nodes + (pairs->node + bank * pairs->node_stride + j) * E;
      for (size_t e = 0; e < E; e++) {
        double sum = a->bias[bank * E + e];
        for (size_t k = 0; k < 2 * E; k++)
          sum += (double)pair[k] * a->weight[(bank * 2 * E + k) * E + e];
        node[e] = (float)sum;
      }
    }
  }
}

void pairwise_summary_backward_nodes_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_pairwise_summary_grad *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  const size_t parents = pairs->below_stride ? 1 : a->tree.banks;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t first_bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < pairs->count; j++) {
      float *d_pair = a->d_nodes + (pairs->below + first_bank * pairs->below_stride + 2 * j) * E;
      for (size_t k = 0; k < 2 * E; k++) {
        double sum = d_pair[k];
        for (size_t bank = first_bank; bank < first_bank + parents; bank++) {
          const float *d_node = a->d_nodes + (pairs->node + bank * pairs->node_stride + j) * E;
          for (size_t e = 0; e < E; e++)
            sum += (double)d_node[e] * a->weight_transposed[(bank * E + e) * 2 * E + k];
        }
        d_pair[k] = (float)sum;
      }
    }
  }
}

void pairwise_summary_backward_weight_reference(const void *args, size_t begin, size_t end) {
  const lmn_pairwise_summary_grad *a = args;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const size_t E = a->width, tiles = lmn_units(2 * E, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t e = 0; e < E; e++) {
      for (size_t k = first; k < first + LMN_TILE_ROWS && k < 2 * E; k++) {
        double weight = 0;
        for (size_t i = 1; i <= map.levels; i++) {
          const lmn_pairs pairs = lmn_tree_pairs(&map, i);
          for (size_t j = 0; j < pairs.count; j++)
            weight += (double)a->nodes[(pairs.below + bank * pairs.below_stride + 2 * j) * E + k] *
                      a->d_nodes[(pairs.node + bank * pairs.node_stride + j) * E + e];
        }
        a->d_weight[(bank * 2 * E + k) * E + e] = (float)weight;
      }
      if (first) continue;
      double bias = 0;
      for (size_t i = 1; i <= map.levels; i++) {
        const lmn_pairs pairs = lmn_tree_pairs(&map, i);
        for (size_t j = 0; j < pairs.count; j++)
          bias += a->d_nodes[(pairs.node + bank * pairs.node_stride + j) * E + e];
      }
      a->d_bias[bank * E + e] = (float)bias;
    }
  }
}
