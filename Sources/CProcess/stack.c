#define _DEFAULT_SOURCE  // MAP_ANON
#include <sys/mman.h>
#include <sys/resource.h>

#include "CProcess.h"

static bool has_memory(size_t bytes) {
  void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  return pages != MAP_FAILED && munmap(pages, bytes) == 0;
}

bool process_grow_stack(size_t bytes) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur / 2 < bytes)
    bytes = (size_t)limit.rlim_cur / 2;
  if (!has_memory(bytes)) return false;
  // The stack reaches as far as its lowest page that was written; those above stay without memory.
  volatile char *stack = __builtin_alloca(bytes);
  *stack = 0;
  return true;
}
