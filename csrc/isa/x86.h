// LMN_TARGET and LMN_SUPPORTED of an x86 instruction set, from one list of features: LMN_FEATURES
// is defined as FIRST(feature) NEXT(feature) ... Kernels are compiled for all of them, and run only
// if the processor and the operating system support all of them.
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
