// Register tiles of a product, and strips of them, whose factors are read where they are.
#ifndef LMN_MATMUL_TILE_VEC_H
#define LMN_MATMUL_TILE_VEC_H

#include "isa/kernel.h"

/// Factors and product of a block, with strides, for products and transposed products:
/// left[i][k] is at left[i * left_row + k * left_step].
typedef struct {
  size_t inner;
  const float *left;
  size_t left_row, left_step;
  const float *right;
  size_t right_row;
  float *product;
  size_t product_row;
} matmul_operands;

/// Rows of a tile are read in groups that share a pointer: x86 addresses have room for a stride and
/// twice that, so a step of the sum needs a third of the additions.
enum { TILE_GROUP = 3, TILE_GROUPS = (TILE_MOST_ROWS + TILE_GROUP - 1) / TILE_GROUP };

/// First value of a block's sums; sums of MATMUL_ADDED begin with zero and are added to the product
/// at their end.
typedef enum { MATMUL_ZERO, MATMUL_BIAS, MATMUL_PRODUCT, MATMUL_ADDED } matmul_start;

/// Addresses to prefetch during a sum, one of each stream per step: rows are too short and too many
/// for the hardware prefetcher. They are integers because they may leave the array; nothing is read
/// there.
typedef struct {
  struct {
    uintptr_t at;
    size_t step;  // bytes
  } stream[2];    // not [2] of each: the compiler would put both addresses into one vector
} matmul_ahead;

// product[i][j] = start + sum over k, in order, of left[i][k] * right[k][j]. Each element is one
// chain of fused multiply-adds, so its bits depend neither on the tile nor on the rows around it.
// The last vectors of a row of the right factor and of the product have `right_lanes` and
// `last_lanes` lanes. `ahead` may be NULL.
LMN_INLINE void matmul_tile(const size_t rows, const size_t vectors, size_t last_lanes,
                            size_t right_lanes, const matmul_operands *o, const float *left,
                            const float *right, float *product, matmul_start start,
                            const float *bias, matmul_ahead *ahead) {
  vec sum[TILE_MOST_ROWS][TILE_MOST_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const size_t lanes = j + 1 < vectors ? VEC_LANES : last_lanes;
      float *at = product + i * o->product_row + j * VEC_LANES;
      __builtin_prefetch(at, 1);
      sum[i][j] = start == MATMUL_PRODUCT ? vec_load(at, lanes)
                  : start == MATMUL_BIAS  ? vec_load(bias + j * VEC_LANES, lanes)
                                          : vec_set(0);
    }
  uintptr_t ahead0 = ahead ? ahead->stream[0].at : 0, ahead1 = ahead ? ahead->stream[1].at : 0;
  const float *group[TILE_GROUPS];
#pragma clang loop unroll(full)
  for (size_t g = 0; g * TILE_GROUP < rows; g++) {
    group[g] = left + g * TILE_GROUP * o->left_row;
    // Hides the distance of the groups: the compiler would add it up again in every step.
    __asm__("" : "+r"(group[g]));
  }
#pragma clang loop unroll(disable)
  for (size_t k = 0; k < o->inner; k++, right += o->right_row) {
    if (ahead) {
      __builtin_prefetch((const void *)ahead0);
      __builtin_prefetch((const void *)ahead1);
      ahead0 += ahead->stream[0].step;
      ahead1 += ahead->stream[1].step;
    }
    vec r[TILE_MOST_VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++)
      r[j] = vec_load(right + j * VEC_LANES, j + 1 < vectors ? VEC_LANES : right_lanes);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const vec l = vec_set(group[i / TILE_GROUP][i % TILE_GROUP * o->left_row]);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sum[i][j] = vec_fma(l, r[j], sum[i][j]);
    }
#pragma clang loop unroll(full)
    for (size_t g = 0; g * TILE_GROUP < rows; g++) group[g] += o->left_step;
  }
  if (ahead) {
    ahead->stream[0].at = ahead0;
    ahead->stream[1].at = ahead1;
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const size_t lanes = j + 1 < vectors ? VEC_LANES : last_lanes;
      float *at = product + i * o->product_row + j * VEC_LANES;
      vec_store(at, start == MATMUL_ADDED ? vec_add(vec_load(at, lanes), sum[i][j]) : sum[i][j],
                lanes);
    }
}

/// Tiles below each other, of `height` rows, then of 4, 3, 2 and 1 for the rest.
LMN_INLINE void matmul_strip(const size_t height, const size_t vectors, size_t last_lanes,
                             const matmul_operands *o, size_t row, size_t rows, size_t column,
                             matmul_start start, const float *bias, matmul_ahead *ahead) {
  const float *left = o->left + row * o->left_row, *right = o->right + column;
  float *product = o->product + row * o->product_row + column;
  if (bias) bias += column;
#define MATMUL_TILES(count)                                                                   \
  while (rows >= count) {                                                                     \
    matmul_tile(count, vectors, last_lanes, last_lanes, o, left, right, product, start, bias, \
                ahead);                                                                       \
    left += count * o->left_row;                                                              \
    product += count * o->product_row;                                                        \
    rows -= count;                                                                            \
  }
  MATMUL_TILES(height)
  if (height > 4) MATMUL_TILES(4)
  if (height > 3) MATMUL_TILES(3)
  if (height > 2) MATMUL_TILES(2)
  if (height > 1) MATMUL_TILES(1)
#undef MATMUL_TILES
}

#define MATMUL_STRIP_OF(height, vectors, lanes) \
  matmul_strip(height, vectors, lanes, o, row, rows, column, start, bias, ahead);
#define MATMUL_STRIP(vectors)                                   \
  case vectors:                                                 \
    if (lanes == VEC_LANES)                                     \
      MATMUL_STRIP_OF(TILE_HEIGHT(vectors), vectors, VEC_LANES) \
    else                                                        \
      MATMUL_STRIP_OF(TILE_HEIGHT(vectors), vectors, lanes)     \
    break;

static void matmul_any_strip(size_t vectors, size_t lanes, const matmul_operands *o, size_t row,
                             size_t rows, size_t column, matmul_start start, const float *bias,
                             matmul_ahead ahead[static 1]) {
  switch (vectors) {
    MATMUL_STRIP(1)
    MATMUL_STRIP(2)
#if TILE_WIDE
    MATMUL_STRIP(3)
    MATMUL_STRIP(4)
#endif
    case TILE_MOST_VECTORS / 2:
      MATMUL_STRIP_OF(2, TILE_MOST_VECTORS / 2, VEC_LANES)
      break;
    case TILE_MOST_VECTORS:
      MATMUL_STRIP_OF(1, TILE_MOST_VECTORS, VEC_LANES)
      break;
  }
}

enum {
  MATMUL_PANEL = TILE_VECTORS * VEC_LANES,
  MATMUL_ROW = TILE_MOST_VECTORS * VEC_LANES,
  MATMUL_LONG_ROW = 512,  // floats; a column of a tile's rows is then in few sets of a cache
};

/// Columns of the next strip of `rows` rows when `rest` are left. One or two rows are bound by
/// reading the right factor: wide strips read it in long runs and have enough independent sums.
LMN_INLINE size_t matmul_strip_width(size_t rows, size_t rest) {
  if (rows == 1 && rest >= MATMUL_ROW) return MATMUL_ROW;
  if (rows <= 2 && rest >= MATMUL_ROW / 2) return MATMUL_ROW / 2;
  return lmn_min(rest, MATMUL_PANEL);
}

/// product = start + left . right for `rows` by `columns` elements from row `row`, strip by strip.
/// Without `ahead`, a tile prefetches the rows of the next one, which directly follow its own.
LMN_INLINE void matmul_strips(const matmul_operands *o, size_t row, size_t rows, size_t columns,
                              matmul_start start, const float *bias, matmul_ahead *ahead) {
  for (size_t j = 0, width; j < columns; j += width) {
    width = matmul_strip_width(rows, columns - j);
    const size_t vectors = lmn_units(width, VEC_LANES), height = TILE_HEIGHT(vectors);
    const size_t lanes = width - (vectors - 1) * VEC_LANES;
    matmul_ahead next_rows = {{{(uintptr_t)o->left, 0}, {(uintptr_t)o->left, 0}}};
    if (rows > height) {
      next_rows.stream[0].at = (uintptr_t)(o->left + (row + height) * o->left_row);
      next_rows.stream[0].step = height * sizeof *o->left;
    }
    matmul_any_strip(vectors, lanes, o, row, rows, j, start, bias, ahead ? ahead : &next_rows);
  }
}

#endif
