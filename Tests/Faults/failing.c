// Makes calls of the C library fail in a program that it is preloaded into.
//
//   FAULT=fsync:3     the third call of fsync fails; also open, read, write, fchmod, rename, mkdir
//                     and flock
//   FAULT=short:0     all reads and writes transfer at most 7 bytes
//   FAULT=interrupt:0 every second read and write is interrupted by a signal
//
// Standard input, output and errors are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int calls;

static bool is_fault(const char *name) {
  const char *fault = getenv("FAULT");
  const size_t length = strlen(name);
  return fault && !strncmp(fault, name, length) && fault[length] == ':';
}

/// Whether this call of `name` fails; sets errno.
static bool fails(const char *name, int error) {
  if (!is_fault(name) || ++calls != atoi(strchr(getenv("FAULT"), ':') + 1)) return false;
  errno = error;
  return true;
}

static bool is_interrupted(void) {
  if (!is_fault("interrupt") || ++calls % 2) return false;
  errno = EINTR;
  return true;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int file, void *bytes, size_t count) {
  if (file > 2 && (fails("read", EIO) || is_interrupted())) return -1;
  return NEXT(read)(file, bytes, file > 2 && is_fault("short") && count > 7 ? 7 : count);
}

ssize_t write(int file, const void *bytes, size_t count) {
  if (file > 2 && (fails("write", ENOSPC) || is_interrupted())) return -1;
  return NEXT(write)(file, bytes, file > 2 && is_fault("short") && count > 7 ? 7 : count);
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails("open", EMFILE) ? -1 : NEXT(open)(path, flags, mode);
}

int fsync(int file) { return fails("fsync", EIO) ? -1 : NEXT(fsync)(file); }

int rename(const char *old, const char *new) {
  return fails("rename", EIO) ? -1 : NEXT(rename)(old, new);
}

int fchmod(int file, mode_t mode) { return fails("fchmod", EPERM) ? -1 : NEXT(fchmod)(file, mode); }

int mkdir(const char *path, mode_t mode) {
  return fails("mkdir", ENOSPC) ? -1 : NEXT(mkdir)(path, mode);
}

int flock(int file, int operation) {
  return fails("flock", ENOLCK) ? -1 : NEXT(flock)(file, operation);
}
