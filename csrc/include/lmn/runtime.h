// Instruction sets, threads and limits of heads.
#ifndef CLMN_RUNTIME_H
#define CLMN_RUNTIME_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One instruction set: a table of kernels.
typedef struct lmn_isa lmn_isa;

/// Instruction set and largest number of threads of a call.
typedef struct lmn_context {
  const lmn_isa *isa;
  size_t threads;  // at least 1
} lmn_context;

/// The `index`-th instruction set that this processor has, best first and `reference` last; NULL
/// after the last.
const lmn_isa *lmn_isa_available(size_t index);

/// The available instruction set `name` (avx512, avx2, neon, reference); NULL if there is none.
const lmn_isa *lmn_isa_named(const char *name);

/// The instruction set named by the environment variable LMN_ISA, or the best one if it is not set
/// or empty; NULL if the named one is not available.
const lmn_isa *lmn_isa_selected(void);

const char *lmn_isa_name(const lmn_isa *);

/// Version, kernels and build options of OpenBLAS, which is loaded; "none" in a library compiled
/// without it, and where there is no libopenblas.so.0.
const char *lmn_blas_description(void);

/// Computes units [begin, end) of one operation. Units are independent: any split over threads
/// gives the same bits.
typedef void lmn_kernel(const void *args, size_t begin, size_t end);

/// Runs `kernel` over units [0, count), a contiguous range per thread, at least `grain` units each:
///
///     kernel(args, 0, count);
///
/// on one thread if there are fewer than 2 * `grain` units. While it runs, subnormal numbers count
/// as 0; the floating-point mode of each thread is as before afterwards. A kernel that runs on
/// several threads may call it with one thread only.
void lmn_parallel_for(lmn_context, lmn_kernel *kernel, const void *args, size_t count,
                      size_t grain);

/// Largest number of threads, at most `threads`, with which lmn_parallel_for works in this process:
/// 1 without the shared memory that LLVM's OpenMP runtime needs, and fewer than `threads` where no
/// further ones can be started. It starts and ends `threads` - 1 threads to find out.
///
/// `lack` is set to what limits the number, as a sentence without its end; to NULL if nothing does.
size_t lmn_parallel_limit(size_t threads, const char **lack);

/// Largest number H of heads, and largest width D of one, of the kernels that name these limits.
enum { LMN_MOST_HEADS = 256, LMN_MOST_HEAD_WIDTH = 256 };

#ifdef __cplusplus
}
#endif

#endif
