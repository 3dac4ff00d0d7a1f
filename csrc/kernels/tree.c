#include <string.h>

#include "isa/isa.h"
#include "kernels/units.h"

/// Number of nodes that are carried into a part, of the `before` nodes that the level has before
/// it.
static size_t carried_nodes(lmn_tree_shape shape, size_t level, size_t before) {
  const size_t waiting = level < shape.maximum_levels ? before % shape.arity : 0;
  const size_t seen = level == 0 && shape.window ? shape.window : 1;
  return lmn_min(waiting > seen ? waiting : seen, before);
}

lmn_tree_map lmn_tree_map_of(lmn_tree tree) {
  const lmn_tree_shape shape = tree.shape;
  lmn_tree_map map = {.tree = tree, .span = {1}};
  size_t before = tree.start, after = tree.start + tree.length, row = 0, grown = 0;
  for (size_t i = 0; after && i <= shape.maximum_levels; i++) {
    const size_t carried = carried_nodes(shape, i, before), slots = 1 + i * shape.expansion;
    map.level[i] =
        (lmn_tree_level){before - carried, after - before + carried, carried, slots, row};
    map.levels = i;
    map.grown[i] = grown;
    row += map.level[i].count * slots;
    if (i && shape.expansion) grown += (after - before) * slots * shape.arity;
    if (i < 2) map.shared_grown = grown;
    map.span[i + 1] = map.span[i] > SIZE_MAX / shape.arity ? SIZE_MAX : map.span[i] * shape.arity;
    before /= shape.arity;
    after /= shape.arity;
  }
  map.bank_rows = row - map.level[0].count;
  map.bank_grown = grown - map.shared_grown;
  return map;
}

size_t lmn_tree_levels(lmn_tree tree) { return lmn_tree_map_of(tree).levels; }

lmn_tree_level lmn_tree_level_at(lmn_tree tree, size_t level) {
  return lmn_tree_map_of(tree).level[level];
}

size_t lmn_tree_bank_rows(lmn_tree tree) { return lmn_tree_map_of(tree).bank_rows; }

size_t lmn_tree_rows(lmn_tree tree) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  return map.level[0].count + tree.shape.banks * map.bank_rows;
}

size_t lmn_tree_grown_rows(lmn_tree tree) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  return map.shared_grown + tree.shape.banks * map.bank_grown;
}

lmn_families lmn_tree_families(const lmn_tree_map *map, size_t level) {
  const lmn_tree_level below = map->level[level - 1], nodes = map->level[level];
  const size_t first = nodes.first + nodes.carried;
  return (lmn_families){
      .count = nodes.count - nodes.carried,
      .slots = below.slots,
      .child = below.row + (map->tree.shape.arity * first - below.first) * below.slots,
      .child_stride = level > 1 ? map->bank_rows : 0,
      .node = nodes.row + nodes.carried * nodes.slots,
      .node_stride = map->bank_rows,
      .grown = map->grown[level],
      .grown_stride = level > 1 ? map->bank_grown : 0,
  };
}

lmn_families lmn_tree_families_at(lmn_tree tree, size_t level) {
  const lmn_tree_map map = lmn_tree_map_of(tree);
  return lmn_tree_families(&map, level);
}

lmn_groups lmn_groups_of(lmn_tree_shape shape, lmn_families f) {
  return (lmn_groups){
      .count = f.count * (f.slots + shape.expansion),
      .below = shape.expansion ? f.grown : f.child,
      .below_stride = shape.expansion ? f.grown_stride : f.child_stride,
      .node = f.node,
      .node_stride = f.node_stride,
  };
}

/// Runs a kernel of the expansion on families: those of all banks, or those of tokens once.
static void expand(lmn_context context, lmn_kernel *kernel, const lmn_summarizer *s,
                   lmn_families families) {
  const lmn_tree_shape shape = s->expansion.tree.shape;
  if (shape.expansion == 0) return;
  lmn_expansion_call expansion = s->expansion;
  expansion.families = families;
  const size_t banks = families.child_stride ? shape.banks : 1, width = expansion.width;
  lmn_share_out(context, kernel, &expansion, banks * lmn_units(families.count, LMN_TILE_ROWS),
                lmn_rows_of_work(families.count) * families.slots * shape.arity *
                    (1 + shape.expansion) * width * width);
}

void lmn_tree_summarize(lmn_context context, const lmn_summarizer *s, lmn_families families) {
  expand(context, context.isa->expansion_forward, s, families);
  const lmn_tree_shape shape = s->expansion.tree.shape;
  const lmn_level level = {s->operation, lmn_groups_of(shape, families)};
  lmn_share_out(context, s->kernel, &level,
                shape.banks * lmn_units(level.groups.count, LMN_TILE_ROWS),
                lmn_rows_of_work(level.groups.count) * s->work);
}

void lmn_tree_ascend(lmn_context context, const lmn_summarizer *s) {
  const lmn_tree_map map = lmn_tree_map_of(s->expansion.tree);
  for (size_t i = 1; i <= map.levels; i++)
    lmn_tree_summarize(context, s, lmn_tree_families(&map, i));
}

void lmn_tree_descend(lmn_context context, const lmn_summarizer *s, const float *nodes) {
  const lmn_tree_map map = lmn_tree_map_of(s->expansion.tree);
  const lmn_tree_shape shape = map.tree.shape;
  const size_t width = s->expansion.width;
  // Kernels add to the cotangents of expanded children.
  if (shape.expansion)
    memset(s->expansion.grad.d_grown, 0,
           (map.shared_grown + shape.banks * map.bank_grown) * width * sizeof(float));
  for (size_t i = map.levels; i > 0; i--) {
    const lmn_families families = lmn_tree_families(&map, i);
    const lmn_level level = {s->operation, lmn_groups_of(shape, families)};
    const size_t banks = families.child_stride ? shape.banks : 1;
    lmn_share_out(context, s->kernel, &level, banks * lmn_units(level.groups.count, LMN_TILE_ROWS),
                  lmn_rows_of_work(level.groups.count) * s->work);
    expand(context, context.isa->expansion_backward_nodes, s, families);
  }
  if (shape.expansion == 0) return;
  lmn_expansion_call expansion = s->expansion;
  expansion.nodes = (float *)nodes;
  lmn_share_out(context, context.isa->expansion_backward_weight, &expansion,
                (1 + shape.expansion) * lmn_units(width, LMN_TILE_ROWS),
                LMN_TILE_ROWS * width * map.tree.length);
}
