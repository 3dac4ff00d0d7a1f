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
} lmn_tree_map;

lmn_tree_map lmn_tree_map_of(lmn_tree);

/// The pairs that make the new nodes of `level`, from 1 up.
lmn_pairs lmn_tree_pairs(const lmn_tree_map *, size_t level);

/// What a kernel that works level by level gets: the arguments of its operation, and a level. A
/// unit is LMN_TILE_ROWS pairs of a bank; descending to the tokens, of all banks.
typedef struct lmn_level {
  const void *operation;
  lmn_pairs pairs;
} lmn_level;

/// Runs `kernel` on the pairs of one level in every bank; a pair costs `work`.
void lmn_tree_summarize(lmn_context, lmn_kernel *kernel, const void *operation, size_t banks,
                        lmn_pairs, size_t work);

/// Runs `kernel` on every level in turn, children before parents; a pair costs `work`.
void lmn_tree_ascend(lmn_context, lmn_kernel *kernel, const void *operation, lmn_tree, size_t work);

/// The same, parents before children.
void lmn_tree_descend(lmn_context, lmn_kernel *kernel, const void *operation, lmn_tree,
                      size_t work);

#endif
