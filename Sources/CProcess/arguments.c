#include "CProcess.h"

#include <stdlib.h>  // defines __GLIBC__

static size_t count;
static char **arguments;

#ifdef __GLIBC__
__attribute__((constructor)) static void keep(int argument_count, char **values) {
  count = (size_t)argument_count;
  arguments = values;
}
#endif

size_t process_argument_count(void) { return count; }

const char *process_argument(size_t index) { return arguments[index]; }
