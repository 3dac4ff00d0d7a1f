// The only file that knows OpenBLAS.
#include <cblas.h>

#include "CLMN.h"

const char *lmn_blas_description(void) { return openblas_get_config(); }
