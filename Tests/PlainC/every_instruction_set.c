// Runs every kernel from C alone, on every available instruction set: results agree with the
// reference and have the same bits on 1 and 4 threads. Under an emulator this tests the kernels of
// other processors, under sanitizers their memory accesses and arithmetic. Fails on any difference.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "topics.h"
#include "vocabulary_tests.h"

static void run_all(lmn_context context, const computation *c, outcome *o) {
  static runner *const topics[] = {
      run_matrices,
      run_norms,
      run_activations,
      run_embedding,
      run_rotary,
      run_summaries,
      run_tree_attention,
      run_causal_attention,
      run_segment_attention,
      run_slot_write,
      run_state_space,
      run_training,
  };
  for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) topics[i](context, c, o);
}

static void run_linear_memories(lmn_context context, const computation *c, outcome *o) {
  const mixture m = route(context, c->length, o);
  run_routing(context, c, &m, o);
  run_convolution(context, c, &m, o);
  run_linear_recurrence(context, c, &m, o);
}

/// Values are of order one, and errors of a sum in blocks grow slowly with its length.
static int expect_close(const char *name, const char *isa, const result *found,
                        const result *expected) {
  float largest = 0, difference = 0;
  for (size_t i = 0; i < expected->count; i++) {
    const float a = found->values[i], b = expected->values[i];
    largest = fmaxf(largest, fabsf(b));
    difference = isnan(a) || isnan(b) ? INFINITY : fmaxf(difference, fabsf(a - b));
    if (isinf(difference)) break;
  }
  const int differs = !(difference <= 3e-5f * largest);
  if (differs)
    printf("%s, %s: %s is off by %.1e of %.1e  DIFFERS\n", name, isa, found->name, difference,
           largest);
  return differs;
}

static int expect_equal(const char *name, const char *isa, const result *found,
                        const result *expected) {
  const int differs = memcmp(found->values, expected->values, found->count * sizeof(float)) != 0;
  if (differs) printf("%s, %s: %s depends on threads  DIFFERS\n", name, isa, found->name);
  return differs;
}

/// Comparisons of results so far.
static size_t comparisons;

static int check(const computation *c, runner *run) {
  static outcome expected, found, shared;
  int differences = 0;
  run((lmn_context){lmn_isa_named("reference"), 1}, c, &expected);
  const lmn_isa *isa;
  for (size_t i = 0; (isa = lmn_isa_available(i)); i++) {
    run((lmn_context){isa, 1}, c, &found);
    run((lmn_context){isa, 4}, c, &shared);
    comparisons += 2 * expected.count;
    for (size_t r = 0; r < expected.count; r++) {
      differences +=
          expect_close(c->name, lmn_isa_name(isa), &found.results[r], &expected.results[r]);
      differences +=
          expect_equal(c->name, lmn_isa_name(isa), &shared.results[r], &found.results[r]);
    }
    release(&found);
    release(&shared);
  }
  release(&expected);
  return differences;
}

static int check_vocabulary(void) {
  int failures = 0;
#if defined(__x86_64__)
  if (lmn_isa_named("avx512")) failures += test_vocabulary_avx512();
  if (lmn_isa_named("avx2")) failures += test_vocabulary_avx2();
#elif defined(__aarch64__)
  failures += test_vocabulary_neon();
#endif
  return failures;
}

/// Parts with several units of every kernel. The first is that of a default network, but longer.
static const computation long_parts[] = {
    // name, width, heads, start, length, {banks, arity, expansion, maximum levels, window,
    // disjoint},
    // sources, biases, pinned
    {"default", 32, 4, 0, 1100, {2, 2, 0, 47, 0, false}, 1, false, 0},
    {"level bias", 32, 4, 0, 1100, {2, 2, 0, 47, 0, false}, 1, true, 0},
    {"window", 32, 4, 0, 1100, {2, 2, 0, 47, 5, false}, 1, false, 0},
    {"pinned", 32, 4, 0, 1100, {2, 2, 0, 47, 0, false}, 1, false, 4},
    {"disjoint", 32, 4, 0, 1100, {2, 2, 0, 47, 0, true}, 1, false, 0},
    {"disjoint, level bias", 32, 4, 0, 1100, {2, 2, 0, 47, 0, true}, 1, true, 0},
    {"arity 3", 32, 4, 0, 1100, {2, 3, 0, 47, 0, false}, 1, false, 0},
    {"arity 4, sources", 32, 4, 0, 1100, {2, 4, 0, 47, 0, false}, 2, false, 0},
    {"expansion", 32, 4, 0, 1100, {2, 2, 1, 5, 0, false}, 1, false, 0},
    {"all", 32, 4, 0, 1100, {2, 3, 1, 4, 3, true}, 2, true, 5},
    {"all, carried", 32, 4, 777, 1100, {2, 3, 1, 4, 3, true}, 2, true, 5},
    {"carried", 32, 4, 1000, 1100, {2, 2, 0, 47, 2, false}, 1, false, 3},
    {"1 head", 32, 1, 0, 1100, {1, 2, 0, 47, 1, false}, 1, true, 2},
    {"2 heads", 32, 2, 0, 1100, {1, 2, 0, 47, 1, false}, 1, false, 2},
    {"8 heads", 32, 8, 0, 1100, {1, 2, 0, 47, 1, false}, 1, true, 2},
    {"window, biases", 32, 4, 3, 1100, {2, 2, 0, 47, 5, false}, 1, true, 0},
    {"32 heads", 32, 32, 0, 1100, {1, 2, 0, 47, 1, false}, 1, true, 2},
    {"width 36", 36, 12, 0, 1100, {2, 2, 0, 47, 1, false}, 1, true, 2},
};

/// Every kind of tree with every number of heads of width 36, whole and carried.
static int check_short_parts(void) {
  const lmn_tree_shape shapes[] = {
      {2, 2, 0, 40, 0, false}, {2, 3, 1, 40, 0, false}, {2, 4, 0, 2, 5, false},
      {2, 2, 0, 40, 0, true},  {2, 2, 2, 3, 0, false},  {2, 3, 0, 40, 0, true},
      {2, 5, 1, 40, 0, true},  {2, 4, 0, 40, 0, true},  {2, 8, 0, 40, 1, false},
  };
  int differences = 0;
  size_t kind = 0;
  for (size_t heads = 1; heads <= 36; heads++) {
    if (36 % heads) continue;
    for (size_t start = 0; start <= 100; start = start * 3 + 11, kind++) {
      char name[64];
      snprintf(name, sizeof name, "%zu heads, start %zu, tree %zu", heads, start, kind % 9);
      const computation c = {name,
                             36,
                             heads,
                             start,
                             77,
                             shapes[kind % 9],
                             heads % 3 ? 1 : 2,
                             heads % 2 == 1,
                             shapes[kind % 9].window ? 0 : 3};
      differences += check(&c, run_all);
    }
  }
  return differences;
}

/// Linear-attention memories, over few tokens and several chunks, with narrow and wide heads.
static int check_linear_memories(void) {
  const computation parts[] = {
      {.name = "linear memories, 4 tokens", .width = 32, .heads = 4, .length = 4},
      {.name = "linear memories", .width = 32, .heads = 4, .length = 300},
      {.name = "linear memories, 36 heads", .width = 36, .heads = 36, .length = 77},
      {.name = "linear memories, 1 head", .width = 36, .heads = 1, .length = 90},
  };
  int differences = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    differences += check(&parts[i], run_linear_memories);
  return differences;
}

/// Subnormal products and factors count as 0 in kernels, on one thread and on two, and only there.
static int check_subnormals(void) {
  enum { ROWS = 128, COUNT = ROWS * ROWS };
  static float left[COUNT], right[COUNT], product[COUNT];
  const float factors[][2] = {{0x1p-70f, 0x1p-70f}, {0x1p-127f, 0x1p100f}};
  int differences = 0;
  const lmn_isa *isa;
  for (size_t i = 0; (isa = lmn_isa_available(i)); i++)
    for (size_t call = 0; call < 4; call++) {
      const size_t threads = 1 + call / 2;
      for (size_t at = 0; at < COUNT; at++)
        left[at] = factors[call % 2][0], right[at] = factors[call % 2][1];
      lmn_matmul_forward((lmn_context){isa, threads}, &(lmn_matmul){.rows = ROWS,
                                                                    .inner = ROWS,
                                                                    .columns = ROWS,
                                                                    .left = left,
                                                                    .right = right,
                                                                    .product = product});
      volatile float least = FLT_MIN;
      int differs = least / 2 == 0;
      for (size_t at = 0; at < COUNT; at++) differs |= product[at] != 0;
      if (differs)
        printf("%s, %zu threads: subnormal numbers  DIFFERS\n", lmn_isa_name(isa), threads);
      differences += differs;
      comparisons++;
    }
  return differences;
}

int main(void) {
  const computation wide = {.name = "large gradient", .width = 512, .length = 70};
  int differences = check_vocabulary() + check_subnormals() + check_short_parts() +
                    check_linear_memories() + check(&wide, run_large_gradient);
  for (size_t i = 0; i < sizeof long_parts / sizeof *long_parts; i++)
    differences += check(&long_parts[i], run_all);
  printf("%zu comparisons, %d differences\n", comparisons, differences);
  return differences > 0;
}
