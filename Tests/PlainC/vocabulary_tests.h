#ifndef VOCABULARY_TESTS_H
#define VOCABULARY_TESTS_H

/// Tests of the vector vocabulary of one instruction set, which the processor must have; return the
/// number of failures.
int test_vocabulary_avx512(void);
int test_vocabulary_avx2(void);
int test_vocabulary_neon(void);

#endif
