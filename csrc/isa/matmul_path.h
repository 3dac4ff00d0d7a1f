// Which path a product takes, by instruction set, form and the size of the weight.
//
// forward (and dX, a forward product with the transposed weight): our kernels at every size. A
// row's bits must not depend on how many rows there are, and OpenBLAS's do.
//
// dW: our kernels below so many elements of the weight, OpenBLAS from there on, one thread for each
// unit; 0 for never. Hundredths of the multiply-add peak of a Zen 4 core at 2048 rows, OpenBLAS as
// it selects itself there (S) and with OPENBLAS_CORETYPE=Haswell (H), which is what a processor
// without AVX-512 gets:
//
//   inner x columns   128 x 128   256 x 256   256 x 512   512 x 512   1024 x 512   1024 x 1024
//   avx512                98          98          97          93           91            82
//   avx2                  93          93          91          86           66            66
//   OpenBLAS S / H     86 / 90     86 / 91     81 / 88     80 / 85      77 / 81       75 / 83
#ifndef LMN_MATMUL_PATH_H
#define LMN_MATMUL_PATH_H

enum {
  LMN_BLAS_FROM_avx512 = 0,
  LMN_BLAS_FROM_avx2 = 1024 * 512,
  LMN_BLAS_FROM_neon = 0,  // not measured
};

#endif
