#include "isa/isa.h"
#include "kernels/units.h"

void lmn_transpose_forward(lmn_context context, const lmn_transpose *a) {
  lmn_parallel_for(context, context.isa->transpose_forward, a, a->matrices * a->columns,
                   lmn_grain(8 * a->rows));
}
