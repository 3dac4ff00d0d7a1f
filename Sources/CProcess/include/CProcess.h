// Arguments and stack of the process.
#ifndef C_PROCESS_H
#define C_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/// Number of arguments, the name of the program included; 0 with a C library that does not pass
/// them to constructors. Swift's standard library reads them from /proc.
size_t process_argument_count(void);

/// The argument `index`, a string that ends with 0.
const char *process_argument(size_t index);

/// Grows the stack of the calling thread, the main one, by `bytes`, or half of the limit of stacks
/// if that is less. False if there is no memory for it: a stack that cannot grow later ends the
/// process without a word.
bool process_grow_stack(size_t bytes);

#endif
