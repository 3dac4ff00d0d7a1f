// Ends the process in words when memory runs out. Swift's runtime would abort it, with a backtrace.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void *expect(void *block, size_t size) {
  if (block || !size) return block;
  char text[96] = "Error: out of memory: cannot allocate ";
  char digits[24], *digit = digits + sizeof digits;
  *--digit = 0;
  for (size_t rest = size; rest; rest /= 10) *--digit = (char)('0' + rest % 10);
  strcat(strcat(text, digit), " bytes\n");
  const ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written;
  // Not exit, whose functions may need memory.
  _exit(2);
}

// Functions of an executable replace those of the C library, for all libraries that it links. They
// are weak, so that a program that has its own keeps them.
#define WEAK __attribute__((weak))
WEAK void *malloc(size_t size) { return expect(__libc_malloc(size), size); }
WEAK void *calloc(size_t number, size_t size) {
  return expect(__libc_calloc(number, size), number * size);
}
WEAK void *realloc(void *old, size_t size) { return expect(__libc_realloc(old, size), size); }
WEAK void *memalign(size_t alignment, size_t size) {
  return expect(__libc_memalign(alignment, size), size);
}
WEAK void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
WEAK int posix_memalign(void **result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return 0;
}
#endif
