// LMN_TARGET and `supported` of an x86 instruction set from one list: LMN_FEATURES(FIRST, NEXT) is
// FIRST(feature) NEXT(feature) ... Code compiled for a feature runs only where the processor and
// the operating system have it.
#ifndef LMN_X86_H
#define LMN_X86_H

#include <immintrin.h>
#include <stdbool.h>

#define LMN_FIRST_NAME(feature) #feature
#define LMN_NEXT_NAME(feature) "," #feature
#define LMN_AND_SUPPORTED(feature) &&__builtin_cpu_supports(#feature)

#define LMN_TARGET LMN_FEATURES(LMN_FIRST_NAME, LMN_NEXT_NAME)
#define LMN_SUPPORTED (true LMN_FEATURES(LMN_AND_SUPPORTED, LMN_AND_SUPPORTED))

#endif
