#ifndef VOCABULARY_TESTS_H
#define VOCABULARY_TESTS_H

/// Each tests the vector vocabulary of an instruction set that the processor has, and returns the
/// number of failures.
int test_vocabulary_avx512(void);
int test_vocabulary_avx2(void);
int test_vocabulary_neon(void);

#endif
