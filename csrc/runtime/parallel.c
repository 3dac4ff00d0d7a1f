// The only file that uses OpenMP.
#define _POSIX_C_SOURCE 200809L
#include "runtime/subnormals.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  lmn_kernel *kernel;
  const void *args;
  size_t count;
} loop;

/// Runs the share of thread `thread` of `threads`: contiguous units, at most one more than others.
static void run_share(const loop *l, size_t thread, size_t threads) {
  const size_t share = l->count / threads, rest = l->count % threads;
  const size_t begin = thread * share + (thread < rest ? thread : rest);
  const size_t end = begin + share + (thread < rest);
  if (begin < end) lmn_run_flushing(l->kernel, l->args, begin, end);
}

#ifdef _OPENMP
#include <omp.h>

static void run_threads(const loop *l, size_t threads) {
#pragma omp parallel num_threads(threads)
  run_share(l, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
}
#else
// SwiftPM cannot pass -fopenmp to dependent packages, so this calls the runtime function that the
// pragma compiles to. Swift's clang has no omp.h; these are the declarations of the runtime.
#if defined(__linux__) && defined(__x86_64__) && __has_include(</usr/lib/x86_64-linux-gnu/libc.so>) && \
    !__has_include(</usr/lib/x86_64-linux-gnu/libomp5.so>)
#warning "the LLVM OpenMP runtime is missing: apt-get install libomp-dev"
#endif
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int kmp_get_blocktime(void);
extern void kmp_set_blocktime(int milliseconds);

static void run_as_team_member(void *data) {
  run_share(data, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
}

static void run_threads(const loop *l, size_t threads) {
  // The team waits actively for 1 ms after the region, then sleeps. The setting belongs to the
  // calling thread and is handed to the team where the region begins, so it can be restored at
  // once.
  const int before = kmp_get_blocktime();
  kmp_set_blocktime(1);
  GOMP_parallel(run_as_team_member, (void *)l, (unsigned)threads, 0);
  kmp_set_blocktime(before);
}
#endif

void lmn_parallel_for(lmn_context context, lmn_kernel *kernel, const void *args, size_t count,
                      size_t grain) {
  const loop l = {kernel, args, count};
  const size_t useful = count / (grain ? grain : 1);
  const size_t threads = context.threads < useful ? context.threads : useful;
  if (threads > 1)
    run_threads(&l, threads);
  else if (count)
    lmn_run_flushing(kernel, args, 0, count);
}

// LLVM's runtime registers itself in shared memory, and aborts where it cannot.
static bool has_shared_memory(void) {
#if !defined(_OPENMP) || defined(KMP_VERSION_MAJOR)
  char name[32];
  snprintf(name, sizeof name, "/lmn-%ld", (long)getpid());
  const int file = shm_open(name, O_RDWR | O_CREAT, 0600);
  if (file < 0) return false;
  // Allocated, since memory that a full file system cannot provide is a signal when it is used.
  const bool is_provided = !posix_fallocate(file, 0, 4096);
  close(file);
  shm_unlink(name);
  return is_provided;
#else
  return true;
#endif
}

static void *wait_for(void *mutex) {
  pthread_mutex_lock(mutex);
  pthread_mutex_unlock(mutex);
  return NULL;
}

size_t lmn_parallel_limit(size_t threads, const char **lack) {
  *lack = NULL;
  if (threads < 2) return threads;
  if (!has_shared_memory()) {
    *lack = "the OpenMP runtime needs shared memory, a writable /dev/shm with room";
    return 1;
  }
  // All at the same time, so that none takes the place of another.
  enum { MOST = 1024 };
  pthread_t others[MOST];
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  const size_t wanted = threads - 1 < MOST ? threads - 1 : MOST;
  size_t count = 0;
  while (count < wanted && !pthread_create(&others[count], NULL, wait_for, &mutex)) count++;
  pthread_mutex_unlock(&mutex);
  for (size_t i = 0; i < count; i++) pthread_join(others[i], NULL);
  if (count == wanted) return threads;
  *lack = "the system starts no further thread (see the limits of processes and of memory)";
  return count + 1;
}
