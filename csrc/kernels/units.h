// Units of work, the same on every instruction set.
#ifndef LMN_UNITS_H
#define LMN_UNITS_H

#include "runtime/subnormals.h"

enum {
  LMN_TILE_ROWS = 24,     // a multiple of every register tile's height
  LMN_GRAD_ROWS = 8,      // of a weight's gradient, which has few rows and much work per row
  LMN_TILE_COLUMNS = 64,  // the widest register tile: 4 vectors of 16 lanes
  LMN_BLOCK = 1024,       // values of an elementwise operation
  LMN_STATE_SPACE_CHANNELS = 16,   // a cache line, and the widest vector
  LMN_TOKEN_ATTENTION_BLOCK = 32,  // positions of token attention, backward
};

static inline size_t lmn_min(size_t a, size_t b) { return a < b ? a : b; }

/// Number of units of `size` elements for `count` elements.
static inline size_t lmn_units(size_t count, size_t size) { return (count + size - 1) / size; }

// Smallest share of a thread, in multiply-adds: about the cost of starting and joining threads.
enum { LMN_SHARE = 200000 };

/// Runs `kernel` over units [0, count) of `work` multiply-adds each, on threads with at least
/// LMN_SHARE of work.
static inline void lmn_share_out(lmn_context context, lmn_kernel *kernel, const void *args,
                                 size_t count, size_t work) {
  if (context.threads > 1)
    lmn_parallel_for(context, kernel, args, count, 1 + LMN_SHARE / (work + 1));
  else if (count)
    lmn_run_flushing(kernel, args, 0, count);
}

/// Work of a unit of a product, in rows: at most those of a tile; at least 4, since reading an
/// element of the weight costs about 4 multiply-adds.
static inline size_t lmn_rows_of_work(size_t rows) {
  return rows < 4 ? 4 : lmn_min(rows, LMN_TILE_ROWS);
}

/// First row of a segment; that of segment G is the end of the rows. Without offsets there is one
/// segment.
static inline size_t lmn_segment_row(const int32_t *offsets, size_t rows, size_t segment) {
  return offsets ? (size_t)offsets[segment] : segment * rows;
}

enum { LMN_MOST_LEVELS = 64 };

/// Layout of the levels of a tree, computed once per call of a kernel.
typedef struct lmn_tree_map {
  lmn_tree tree;
  size_t levels, bank_rows;
  lmn_tree_level level[LMN_MOST_LEVELS];
  size_t span[LMN_MOST_LEVELS + 1];   // tokens of a node
  size_t grown[LMN_MOST_LEVELS + 1];  // row of the first new family, in the first bank
  size_t shared_grown, bank_grown;    // rows of the families of tokens, and of the others of a bank
} lmn_tree_map;

lmn_tree_map lmn_tree_map_of(lmn_tree);

/// The families whose parents are the new nodes of `level`, at least 1.
lmn_families lmn_tree_families(const lmn_tree_map *, size_t level);

/// Groups of r consecutive rows that are combined into a row: the children of a node, or one slot
/// of its expanded children. The rows of bank b are b times `*_stride` after those of bank 0.
typedef struct lmn_groups {
  size_t count;
  size_t below;         // row of the first group, in the array of nodes or of expanded children
  size_t below_stride;  // 0 if the banks share them
  size_t node, node_stride;
} lmn_groups;

/// The groups of some families.
lmn_groups lmn_groups_of(lmn_tree_shape, lmn_families);

/// Arguments of a summarizer's kernel: those of the operation, and groups of one level. A unit is
/// LMN_TILE_ROWS groups of a bank, or of all banks for the cotangents of tokens.
typedef struct lmn_level {
  const void *operation;
  lmn_groups groups;
} lmn_level;

/// Arguments of the expansion's kernels: the families of a level, or of all levels.
typedef struct lmn_expansion_call {
  lmn_tree tree;
  size_t width;
  lmn_families families;
  float *nodes;  // [N, E]; backward: their cotangents
  lmn_expansion expansion;
  lmn_expansion_grad grad;
} lmn_expansion_call;

/// A summarizer that is applied level by level.
typedef struct lmn_summarizer {
  lmn_kernel *kernel;
  const void *operation;
  size_t work;  // multiply-adds of a group
  lmn_expansion_call expansion;
} lmn_summarizer;

/// Computes the parents of the families, in every bank.
void lmn_tree_summarize(lmn_context, const lmn_summarizer *, lmn_families);

/// Computes the new nodes of every level, from level 1 up.
void lmn_tree_ascend(lmn_context, const lmn_summarizer *);

/// Propagates cotangents from parents to children, from the top level down, and computes the
/// gradient of the expansion. `nodes` are the values of the nodes; those of the summarizer are
/// cotangents.
void lmn_tree_descend(lmn_context, const lmn_summarizer *, const float *nodes);

#endif
