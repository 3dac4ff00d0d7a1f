#include "isa/isa.h"

#if defined(__x86_64__)
#include "isa/avx2.h"
#include "isa/instantiate.h"
#endif
