// Arguments of the process, without /proc, from which Swift's standard library reads them.
#ifndef C_ARGUMENTS_H
#define C_ARGUMENTS_H

#include <stddef.h>

/// Number of arguments, the name of the program included; 0 with a C library that does not pass
/// them to constructors.
size_t process_argument_count(void);

/// The argument `index`, a string that ends with 0.
const char *process_argument(size_t index);

#endif
