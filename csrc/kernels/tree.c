#include "kernels/units.h"

lmn_tree_map lmn_tree_map_of(lmn_tree tree) {
  lmn_tree_map map = {.tree = tree};
  const size_t end = tree.start + tree.length;
  size_t row = 0;
  for (size_t i = 0; end >> i; i++) {
    const size_t carried = tree.start >> i > 0, first = (tree.start >> i) - carried;
    map.level[i] = (lmn_tree_level){first, (end >> i) - first, carried, row};
    map.levels = i;
    row += map.level[i].count;
  }
  map.bank_rows = row - map.level[0].count;
  return map;
}

size_t lmn_tree_levels(lmn_tree tree) { return lmn_tree_map_of(tree).levels; }

lmn_tree_level lmn_tree_level_at(lmn_tree tree, size_t level) {
  return lmn_tree_map_of(tree).level[level];
}

size_t lmn_tree_bank_rows(lmn_tree tree) { return lmn_tree_map_of(tree).bank_rows; }

size_t lmn_tree_rows(lmn_tree tree) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  return map.level[0].count + tree.banks * map.bank_rows;
}

lmn_pairs lmn_tree_pairs(const lmn_tree_map *map, size_t level) {
  const lmn_tree_level below = map->level[level - 1], nodes = map->level[level];
  return (lmn_pairs){
      .count = nodes.count - nodes.carried,
      .below = below.row + 2 * (nodes.first + nodes.carried) - below.first,
      .below_stride = level > 1 ? map->bank_rows : 0,
      .node = nodes.row + nodes.carried,
      .node_stride = map->bank_rows,
  };
}

lmn_pairs lmn_tree_pairs_at(lmn_tree tree, size_t level) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  return lmn_tree_pairs(&map, level);
}

void lmn_tree_summarize(lmn_context context, lmn_kernel *kernel, const void *operation,
                        size_t banks, lmn_pairs pairs, size_t work) {
  const lmn_level level = {operation, pairs};
  lmn_share_out(context, kernel, &level, banks * lmn_units(pairs.count, LMN_TILE_ROWS),
                lmn_rows_of_work(pairs.count) * work);
}

void lmn_tree_ascend(lmn_context context, lmn_kernel *kernel, const void *operation, lmn_tree tree,
                     size_t work) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  for (size_t i = 1; i <= map.levels; i++)
    lmn_tree_summarize(context, kernel, operation, tree.banks, lmn_tree_pairs(&map, i), work);
}

void lmn_tree_descend(lmn_context context, lmn_kernel *kernel, const void *operation, lmn_tree tree,
                      size_t work) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  for (size_t i = map.levels; i > 0; i--) {
    const lmn_level level = {operation, lmn_tree_pairs(&map, i)};
    const size_t families = level.pairs.below_stride ? tree.banks : 1;
    const size_t units = families * lmn_units(level.pairs.count, LMN_TILE_ROWS);
    lmn_share_out(context, kernel, &level, units, lmn_rows_of_work(level.pairs.count) * work);
  }
}
