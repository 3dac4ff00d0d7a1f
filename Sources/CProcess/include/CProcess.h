// The process of the command: its arguments without /proc, and its end when memory runs out.
#ifndef C_PROCESS_H
#define C_PROCESS_H

#include <stddef.h>

/// Number of arguments, the name of the program included; 0 with a C library that does not pass
/// them to constructors.
size_t process_argument_count(void);

/// The argument `index`, a string that ends with 0.
const char *process_argument(size_t index);

#endif
