// How operations are cut into units, the same on every instruction set.
#ifndef LMN_UNITS_H
#define LMN_UNITS_H

#include "CLMN.h"

enum {
  LMN_TILE_ROWS = 24,     // a multiple of every register tile's height
  LMN_GRAD_ROWS = 8,      // the same for a weight's gradient: few rows, each of them a lot of work
  LMN_TILE_COLUMNS = 64,  // the widest register tile: 4 vectors of 16 lanes
  LMN_BLOCK = 1024,       // values of an elementwise operation
};

static inline size_t lmn_min(size_t a, size_t b) { return a < b ? a : b; }

/// How many units of `size` cover `count` things.
static inline size_t lmn_units(size_t count, size_t size) { return (count + size - 1) / size; }

// Starting and joining threads costs about as much as this many multiply-adds; a share of the work
// has to be worth it.
enum { LMN_SHARE = 200000 };

/// Runs `kernel` over units [0, count) on as many threads as find a share that is worth it, when a
/// unit costs `work` multiply-adds or the like.
static inline void lmn_share_out(lmn_context context, lmn_kernel *kernel, const void *args,
                                 size_t count, size_t work) {
  if (context.threads > 1)
    lmn_parallel_for(context, kernel, args, count, 1 + LMN_SHARE / (work + 1));
  else if (count)
    kernel(args, 0, count);
}

/// As how many rows of a product `rows` of them count for a unit: at most a tile's, and few rows
/// wait for the weight, of which reading an element takes as long as 4 multiply-adds.
static inline size_t lmn_rows_of_work(size_t rows) {
  return rows < 4 ? 4 : lmn_min(rows, LMN_TILE_ROWS);
}

enum { LMN_MOST_LEVELS = 64 };

/// Where the levels of a tree stand, for kernels that ask often.
typedef struct lmn_tree_map {
  lmn_tree tree;
  size_t levels, bank_rows;
  lmn_tree_level level[LMN_MOST_LEVELS];
  size_t span[LMN_MOST_LEVELS + 1];   // tokens of a node
  size_t grown[LMN_MOST_LEVELS + 1];  // row of the first new family, in the first bank
  size_t shared_grown, bank_grown;    // rows of the tokens' families, and of a bank's others
} lmn_tree_map;

lmn_tree_map lmn_tree_map_of(lmn_tree);

/// The families that become the new nodes of `level`, from 1 up.
lmn_families lmn_tree_families(const lmn_tree_map *, size_t level);

/// Groups of r neighbouring rows, each of which becomes a row: the children of a node, or slot by
/// slot their grown ones. In every bank; a bank's rows are `*_stride` behind those before.
typedef struct lmn_groups {
  size_t count;
  size_t below;  // row of the first group, in the array of nodes or in that of grown children
  size_t below_stride;  // 0 where the banks share them
  size_t node, node_stride;
} lmn_groups;

/// The groups of some families.
lmn_groups lmn_groups_of(lmn_tree_shape, lmn_families);

/// What a kernel that works level by level gets: the arguments of its operation, and groups. A unit
/// is LMN_TILE_ROWS groups of a bank; descending to the tokens, of all banks.
typedef struct lmn_level {
  const void *operation;
  lmn_groups groups;
} lmn_level;

/// What the expander's kernels get: the families of a level, or all of a tree.
typedef struct lmn_expansion {
  lmn_tree tree;
  size_t width;
  lmn_families families;
  float *nodes;  // [N, E]; backward their cotangents
  lmn_expander expander;
  lmn_expander_grad grad;
} lmn_expansion;

/// A summarizer on its way through the levels of a tree.
typedef struct lmn_summarizer {
  lmn_kernel *kernel;
  const void *operation;
  size_t work;  // multiply-adds of a group
  lmn_expansion expansion;
} lmn_summarizer;

/// Makes the nodes of some families in every bank.
void lmn_tree_summarize(lmn_context, const lmn_summarizer *, lmn_families);

/// Makes the nodes of every level in turn, children before parents.
void lmn_tree_ascend(lmn_context, const lmn_summarizer *);

/// Takes cotangents from parents to children, level by level, and sums up the expander's gradient.
///
/// `nodes` are the nodes themselves, the summarizer's are their cotangents.
void lmn_tree_descend(lmn_context, const lmn_summarizer *, const float *nodes);

#endif
