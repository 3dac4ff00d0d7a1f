// Trees of summaries: their shape, parts, levels and families.
#ifndef CLMN_TREE_H
#define CLMN_TREE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LMN_MOST_ARITY = 16 };

/// Settings of a tree of summaries, the same for all of its parts.
typedef struct lmn_tree_shape {
  size_t banks;           // K, at least 1: summaries of every node
  size_t arity;           // r, from 2 to LMN_MOST_ARITY: children of a node
  size_t expansion;       // g: slots of a node beyond those of its children
  size_t maximum_levels;  // levels above the tokens, at most; at least 1
  size_t window;          // tokens before its own that a position attends to
  bool disjoint;          // whether each token is in one node of a position at most
} lmn_tree_shape;

/// The part of a tree of summaries that belongs to the tokens [start, start + length) of a stream.
///
/// Level 0 are the tokens. Node j of level i summarizes nodes r j to r j + r - 1 of level i - 1,
/// once per bank; level 0 is shared by the banks. A node of level i has 1 + i g vectors, its slots.
/// The part has the nodes that these tokens complete and, per level, nodes completed before them
/// (`carried`): those without their parent yet, and at least the newest one; on level 0 also the
/// last `window` tokens. A whole sequence is a part with start 0, a decode step a part with
/// length 1.
///
/// Arrays of nodes have one row per slot: level 0, then for each bank its levels from 1 up; in a
/// level by node index, carried nodes first; in a node by slot.
typedef struct lmn_tree {
  size_t start;   // tokens before this part
  size_t length;  // L, at least 1
  lmn_tree_shape shape;
} lmn_tree;

/// The nodes of one level of a part.
typedef struct lmn_tree_level {
  size_t first;    // index of the first node, carried ones included
  size_t count;    // nodes, the carried ones included
  size_t carried;  // nodes completed before the part
  size_t slots;    // of each node
  size_t row;      // row of the first node, in the first bank
} lmn_tree_level;

/// The highest level that has a node.
size_t lmn_tree_levels(lmn_tree);

/// Level `level` of the part, from 0 to lmn_tree_levels.
lmn_tree_level lmn_tree_level_at(lmn_tree, size_t level);

/// Rows of one bank above level 0: a node's row in bank b is b times this after that in bank 0.
size_t lmn_tree_bank_rows(lmn_tree);

/// N: rows of level 0 and of all banks.
size_t lmn_tree_rows(lmn_tree);

/// Families of one level, in every bank: r children and their parent each. The rows of bank b are b
/// times `*_stride` after those of bank 0.
typedef struct lmn_families {
  size_t count;
  size_t slots;         // of a child
  size_t child;         // row of the first child
  size_t child_stride;  // 0 if the children are tokens, which the banks share
  size_t node;          // row of the first new node
  size_t node_stride;
  size_t grown;         // row of the first family's expanded children; without expansion not used
  size_t grown_stride;  // 0 if the children are tokens
} lmn_families;

/// The families whose parents are the new nodes of `level`, at least 1.
lmn_families lmn_tree_families_at(lmn_tree, size_t level);

/// Rows of an array of expanded children, r for every slot of a new node: the families of tokens,
/// then for each bank those of its levels from 2 up; in a family by slot, in a slot by child.
size_t lmn_tree_grown_rows(lmn_tree);

#ifdef __cplusplus
}
#endif

#endif
