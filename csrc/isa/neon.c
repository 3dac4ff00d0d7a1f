#include "isa/isa.h"

#if defined(__aarch64__)
#include "isa/neon.h"
#include "isa/instantiate.h"
#endif
