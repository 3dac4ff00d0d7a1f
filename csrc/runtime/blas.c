// The only file that uses OpenBLAS, if LMN_OPENBLAS is defined.
#define _POSIX_C_SOURCE 200809L
#include "runtime/blas.h"

#ifdef LMN_OPENBLAS
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

// Declarations of cblas.h, which a program that loads the library does not need.
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };
typedef void sgemm(int order, int transpose_left, int transpose_right, int rows, int columns,
                   int inner, float alpha, const float *left, int left_stride, const float *right,
                   int right_stride, float beta, float *product, int product_stride);

static struct {
  char *(*get_config)(void);
  void (*set_num_threads)(int);
  sgemm *product;
} openblas;

// A linked OpenBLAS would start its threads before main, and end a process that may have none.
static void load(void) {
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  // The assignments that POSIX has for functions.
  *(void **)&openblas.get_config = dlsym(library, "openblas_get_config");
  *(void **)&openblas.set_num_threads = dlsym(library, "openblas_set_num_threads");
  *(void **)&openblas.product = dlsym(library, "cblas_sgemm");
}

bool lmn_blas_is_available(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return openblas.get_config && openblas.set_num_threads && openblas.product;
}

const char *lmn_blas_description(void) {
  return lmn_blas_is_available() ? openblas.get_config() : "none";
}

void lmn_blas_matmul_backward_right(const void *args, size_t begin, size_t end) {
  const lmn_matmul_grad *a = args;
  // OpenBLAS's threads would compete with the caller's. The setting is one for the whole process.
  openblas.set_num_threads(1);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t k = unit * LMN_BLAS_ROWS;
    openblas.product(ROW_MAJOR, TRANSPOSE, NO_TRANSPOSE, (int)lmn_min(a->inner - k, LMN_BLAS_ROWS),
                     (int)a->columns, (int)a->rows, 1, a->left + k, (int)a->inner, a->d_product,
                     (int)a->columns, 0, a->d_right + k * a->columns, (int)a->columns);
  }
}
#else
const char *lmn_blas_description(void) { return "none"; }
#endif
