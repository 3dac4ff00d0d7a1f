#include "vocabulary_tests.h"

#if defined(__aarch64__)
#include "isa/neon.h"
#include "vocabulary.h"
#endif
