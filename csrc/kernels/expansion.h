// Rows of the slots of children before and after expansion.
#ifndef LMN_EXPANSION_H
#define LMN_EXPANSION_H

#include "kernels/units.h"

/// Slot `slot` of child `child` of every family of a bank: the rows row, row + step, ...
typedef struct {
  size_t row, step;
} lmn_slot_rows;

/// Before expansion: ordered by node, then slot.
static inline lmn_slot_rows lmn_child_slots(const lmn_expansion_call *a, size_t bank, size_t family,
                                            size_t child, size_t slot) {
  const lmn_families *f = &a->families;
  const size_t r = a->tree.shape.arity;
  return (lmn_slot_rows){f->child + bank * f->child_stride + (r * family + child) * f->slots + slot,
                         r * f->slots};
}

/// After expansion: ordered by family, then slot, then child.
static inline lmn_slot_rows lmn_grown_slots(const lmn_expansion_call *a, size_t bank, size_t family,
                                            size_t child, size_t slot) {
  const lmn_families *f = &a->families;
  const size_t r = a->tree.shape.arity, slots = f->slots + a->tree.shape.expansion;
  return (lmn_slot_rows){f->grown + bank * f->grown_stride + (slots * family + slot) * r + child,
                         r * slots};
}

#endif
