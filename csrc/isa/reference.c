#include "isa/isa.h"

static bool supported(void) { return true; }

#define LMN_KERNEL(name) lmn_kernel name##_reference;
#include "kernels/list.h"
#undef LMN_KERNEL

const lmn_isa lmn_reference = {
    .name = "reference",
    .supported = supported,
#define LMN_KERNEL(name) .name = name##_reference,
#include "kernels/list.h"
#undef LMN_KERNEL
};
