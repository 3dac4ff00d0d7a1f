// Names and hooks of the kernels, for tests of the kernels that a public function dispatches.
#ifndef C_KERNEL_TABLE_H
#define C_KERNEL_TABLE_H

#include "CLMN.h"

/// Number of kernels in kernels/list.h.
size_t lmn_kernel_count(void);

/// Name of a kernel, by its index in the list.
const char *lmn_kernel_name(size_t index);

/// Runs in place of units [begin, end) of a kernel.
typedef void lmn_kernel_hook(void *state, size_t index, lmn_kernel *kernel, const void *args,
                             size_t begin, size_t end);

/// The instruction set with `hook` in place of every kernel, for calls with one thread; valid until
/// the next call on the same thread.
const lmn_isa *lmn_isa_hooked(const lmn_isa *, lmn_kernel_hook *hook, void *state);

#endif
