// Counts allocations of a thread, for tests of code that does not allocate.
#ifndef C_ALLOCATION_COUNT_H
#define C_ALLOCATION_COUNT_H

#include <stdbool.h>
#include <stddef.h>

/// Whether allocations are counted: only with glibc, and not under a sanitizer, which replaces its
/// allocator.
bool lmn_counts_allocations(void);

/// Number of allocations of the calling thread so far.
size_t lmn_allocation_count(void);

/// Number of minor page faults of the calling thread so far; of the process if threads are not
/// counted.
size_t lmn_page_fault_count(void);

#endif
