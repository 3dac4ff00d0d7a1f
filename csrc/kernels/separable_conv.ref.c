#include "kernels/units.h"

void separable_conv_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_level *level = args;
  const lmn_separable_conv *a = level->operation;
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    const float *taps = a->taps + bank * 3 * E;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < pairs->count; j++) {
      const float *pair = a->nodes + (pairs->below + bank * pairs->below_stride + 2 * j) * E;
      const size_t node = (pairs->node + bank * pairs->node_stride + j) * E;
      for (size_t e = 0; e < E; e++)
        a->mixed[node + e] = (float)((double)taps[e] * pair[e] + (double)taps[E + e] * pair[E + e] +
                                     taps[2 * E + e]);
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
  const lmn_pairs *pairs = &level->pairs;
  const size_t E = a->width, tiles = lmn_units(pairs->count, LMN_TILE_ROWS);
  const size_t parents = pairs->below_stride ? 1 : a->tree.banks;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t first_bank = unit / tiles, first = unit % tiles * LMN_TILE_ROWS;
    for (size_t j = first; j < first + LMN_TILE_ROWS && j < pairs->count; j++)
      for (size_t e = 0; e < E; e++) {
        float *d_pair = a->d_nodes + (pairs->below + first_bank * pairs->below_stride + 2 * j) * E;
        double left = d_pair[e], right = d_pair[E + e];
        for (size_t bank = first_bank; bank < first_bank + parents; bank++) {
          const size_t node = (pairs->node + bank * pairs->node_stride + j) * E;
          double mixed = 0;
          for (size_t k = 0; k < E; k++)
            mixed += (double)a->d_nodes[node + k] * a->pointwise_transposed[(bank * E + k) * E + e];
          a->d_mixed[node + e] = (float)mixed;
          left += a->taps[bank * 3 * E + e] * mixed;
          right += a->taps[(bank * 3 + 1) * E + e] * mixed;
        }
        d_pair[e] = (float)left;
        d_pair[E + e] = (float)right;
      }
  }
}

void separable_conv_backward_taps_reference(const void *args, size_t begin, size_t end) {
  const lmn_separable_conv_grad *a = args;
  const lmn_tree_map map = lmn_tree_map_of(a->tree);
  const size_t E = a->width, tiles = lmn_units(E, LMN_TILE_COLUMNS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t bank = unit / tiles, first = unit % tiles * LMN_TILE_COLUMNS;
    for (size_t e = first; e < first + LMN_TILE_COLUMNS && e < E; e++) {
      double left = 0, right = 0, bias = 0;
      for (size_t i = 1; i <= map.levels; i++) {
        const lmn_pairs pairs = lmn_tree_pairs(&map, i);
        for (size_t j = 0; j < pairs.count; j++) {
          const float *pair = a->nodes + (pairs.below + bank * pairs.below_stride + 2 * j) * E;
          const double mixed = a->d_mixed[(pairs.node + bank * pairs.node_stride + j) * E + e];
          left += pair[e] * mixed;
          right += pair[E + e] * mixed;
          bias += mixed;
        }
      }
      a->d_taps[bank * 3 * E + e] = (float)left;
      a->d_taps[(bank * 3 + 1) * E + e] = (float)right;
      a->d_taps[(bank * 3 + 2) * E + e] = (float)bias;
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
          const lmn_pairs pairs = lmn_tree_pairs(&map, i);
          for (size_t j = 0; j < pairs.count; j++) {
            const size_t node = (pairs.node + bank * pairs.node_stride + j) * E;
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
