// The only file that uses OpenMP.
#include "CLMN.h"

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
  if (begin < end) l->kernel(l->args, begin, end);
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
    kernel(args, 0, count);
}
