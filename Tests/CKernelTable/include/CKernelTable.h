// The kernels behind the public functions, for tests that look at what a call dispatches.
#ifndef C_KERNEL_TABLE_H
#define C_KERNEL_TABLE_H

#include "CLMN.h"

/// How many kernels kernels/list.h has.
size_t lmn_kernel_count(void);

/// The name of a kernel, by its place in the list.
const char *lmn_kernel_name(size_t index);

/// Runs in place of units [begin, end) of a kernel.
typedef void lmn_kernel_hook(void *state, size_t index, lmn_kernel *kernel, const void *args,
                             size_t begin, size_t end);

/// The instruction set with `hook` in place of every kernel; for calls with one thread, and good
/// until the same thread asks for another.
const lmn_isa *lmn_isa_hooked(const lmn_isa *, lmn_kernel_hook *hook, void *state);

#endif
