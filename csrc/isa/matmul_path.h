// Products computed by OpenBLAS.
//
// Forward (and dX, a forward product with the transposed weight): none. The bits of a row must not
// depend on the number of rows, and those of OpenBLAS do.
//
// dW: weights of at least LMN_BLAS_FROM_* elements; 0 for none. Percent of the multiply-add peak of
// a Zen 4 core at 2048 rows, for OpenBLAS with its own selection of kernels (S) and with
// OPENBLAS_CORETYPE=Haswell (H), its selection on a processor without AVX-512; of avx2, at 1024
// rows and from 256 x 256 on, in turns with H, which reached 89, 88, 85, 86 and 86 percent:
//
//   inner x columns   128 x 128   256 x 256   256 x 512   512 x 512   1024 x 512   1024 x 1024
//   avx512                98          98          97          93           91            82
//   avx2                  92          89          89          88           89            90
//   OpenBLAS S / H     86 / 90     86 / 91     81 / 88     80 / 85      77 / 81       75 / 83
#ifndef LMN_MATMUL_PATH_H
#define LMN_MATMUL_PATH_H

enum {
  LMN_BLAS_FROM_avx512 = 0,
  LMN_BLAS_FROM_avx2 = 1024 * 512,
  LMN_BLAS_FROM_neon = 0,  // not measured
};

#endif
