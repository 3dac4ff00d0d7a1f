// Counts what a thread takes from the system's allocator, for tests of code that takes nothing.
#ifndef C_ALLOCATION_COUNT_H
#define C_ALLOCATION_COUNT_H

#include <stdbool.h>
#include <stddef.h>

/// Whether allocations are counted here: the C library has to be glibc, and nobody else (such as a
/// sanitizer) may stand in its place.
bool lmn_counts_allocations(void);

/// Allocations that the calling thread has made so far.
size_t lmn_allocation_count(void);

/// Pages that the calling thread has touched for the first time so far.
size_t lmn_page_fault_count(void);

#endif
