#include "vocabulary_tests.h"

#if defined(__x86_64__)
#include "isa/avx512.h"
#include "vocabulary.h"
#endif
