// Compiles every tuned kernel for one instruction set and defines its row of the table. Included
// after the header of the set, which defines LMN_ISA, LMN_TARGET, LMN_SUPPORTED and LMN_SIMD.
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa/isa.h"
#include "isa/matmul_path.h"
#include "kernels/counted.h"
#include "kernels/units.h"

#define LMN_QUOTE_(a) #a
#define LMN_QUOTE(a) LMN_QUOTE_(a)

static bool supported(void) { return LMN_SUPPORTED; }

// All of the above is compiled outside this region, for any processor.
#pragma clang attribute push(__attribute__((target(LMN_TARGET))), apply_to = function)
#include "kernels/matmul.vec.h"
#include "kernels/sum.vec.h"
#include "kernels/mean.vec.h"
#include "kernels/row_copy.vec.h"
#include "kernels/transpose.vec.h"
#include "kernels/row_sum.vec.h"
#include "kernels/row_maximum.vec.h"
#include "kernels/expansion.vec.h"
#include "kernels/affine_summary.vec.h"
#include "kernels/separable_conv.vec.h"
#include "kernels/single_vector_attention.vec.h"
#include "kernels/single_vector_attention_backward.vec.h"
#include "kernels/single_vector_attention_step.vec.h"
#include "kernels/token_attention.vec.h"
#include "kernels/router.vec.h"
#include "kernels/combine.vec.h"
#include "kernels/grouped_matmul.vec.h"
#include "kernels/short_conv.vec.h"
#include "kernels/feature_map.vec.h"
#include "kernels/head_decay.vec.h"
#include "kernels/silu_gate.vec.h"
#include "kernels/linear_recurrence.vec.h"
#include "kernels/linear_recurrence_backward.vec.h"
#include "kernels/linear_recurrence_step.vec.h"
#include "kernels/state_space.vec.h"
#include "kernels/state_space_backward.vec.h"
#include "kernels/discretization.vec.h"
#include "kernels/causal_attention.vec.h"
#include "kernels/causal_attention_backward.vec.h"
#include "kernels/causal_attention_step.vec.h"
#include "kernels/rotary.vec.h"
#include "kernels/segment_attention.vec.h"
#include "kernels/segment_attention_backward.vec.h"
#include "kernels/segment_attention_step.vec.h"
#include "kernels/slot_write.vec.h"
#include "kernels/rms_norm.vec.h"
#include "kernels/layer_norm.vec.h"
#include "kernels/activation.vec.h"
#include "kernels/gated_linear_unit.vec.h"
#include "kernels/dropout.vec.h"
#include "kernels/embedding.vec.h"
#include "kernels/embedding_bag.vec.h"
#include "kernels/sinusoid.vec.h"
#include "kernels/cross_entropy.vec.h"
#include "kernels/prediction_error.vec.h"
#include "kernels/adamw.vec.h"
#include "kernels/squared_norm.vec.h"
#pragma clang attribute pop

const lmn_isa LMN_PASTE(lmn, LMN_ISA) = {
    .name = LMN_QUOTE(LMN_ISA),
    .supported = supported,
    .blas_from = LMN_PASTE(LMN_BLAS_FROM, LMN_ISA),
#define LMN_KERNEL(name) .name = LMN_PASTE(name, LMN_ISA),
#include "kernels/list.h"
#undef LMN_KERNEL
};
