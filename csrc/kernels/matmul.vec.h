// Matrix products. All products of the library use `matmul_block` or `matmul_transposed_block`.
//
// Factors are not packed but read in place, with prefetching; only panels of one cache line per row
// are packed.
#ifndef LMN_MATMUL_VEC_H
#define LMN_MATMUL_VEC_H

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
LMN_INLINE void matmul_tile(const size_t rows, const size_t vectors, size_t last_lanes,
                            const matmul_operands *o, const float *left, const float *right,
                            float *product, matmul_start start, const float *bias,
                            matmul_ahead *ahead) {
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
  uintptr_t ahead0 = ahead->stream[0].at, ahead1 = ahead->stream[1].at;
#pragma clang loop unroll(disable)
  for (size_t k = 0; k < o->inner; k++, left += o->left_step, right += o->right_row) {
    __builtin_prefetch((const void *)ahead0);
    __builtin_prefetch((const void *)ahead1);
    ahead0 += ahead->stream[0].step;
    ahead1 += ahead->stream[1].step;
    vec r[TILE_MOST_VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++)
      r[j] = vec_load(right + j * VEC_LANES, j + 1 < vectors ? VEC_LANES : last_lanes);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const vec l = vec_set(left[i * o->left_row]);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sum[i][j] = vec_fma(l, r[j], sum[i][j]);
    }
  }
  ahead->stream[0].at = ahead0;
  ahead->stream[1].at = ahead1;
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
#define MATMUL_TILES(count)                                                               \
  while (rows >= count) {                                                                 \
    matmul_tile(count, vectors, last_lanes, o, left, right, product, start, bias, ahead); \
    left += count * o->left_row;                                                          \
    product += count * o->product_row;                                                    \
    rows -= count;                                                                        \
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
                             matmul_ahead *ahead) {
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
  MATMUL_PACKED_STEPS = 512,
};

/// Columns of the next strip of `rows` rows when `rest` are left. One or two rows are bound by
/// reading the right factor: wide strips read it in long runs and have enough independent sums.
LMN_INLINE size_t matmul_strip_width(size_t rows, size_t rest) {
  if (rows == 1 && rest >= MATMUL_ROW) return MATMUL_ROW;
  if (rows <= 2 && rest >= MATMUL_ROW / 2) return MATMUL_ROW / 2;
  return lmn_min(rest, MATMUL_PANEL);
}

/// Whether panels of `right` are packed: if a panel's rows are single cache lines, far apart and in
/// few sets of the cache, and used by many tiles. (Packing wider panels costs 1 to 3 %.)
LMN_INLINE bool matmul_packs(const matmul_operands *o, size_t rows) {
  return MATMUL_PANEL <= 16 && o->right_row >= 256 && o->inner <= MATMUL_PACKED_STEPS &&
         rows > 4 * LMN_TILE_ROWS;
}

/// A strip with a packed right factor.
static void matmul_packed_strip(size_t vectors, size_t lanes, const matmul_operands *o, size_t row,
                                size_t rows, size_t column, matmul_start start, const float *bias,
                                matmul_ahead *ahead) {
  float panel[MATMUL_PACKED_STEPS * MATMUL_PANEL] __attribute__((aligned(64)));
  for (size_t k = 0; k < o->inner; k++)
    for (size_t j = 0; j < vectors; j++) {
      const size_t count = j + 1 < vectors ? VEC_LANES : lanes;
      const float *right = o->right + k * o->right_row + column;
      vec_store(panel + k * MATMUL_PANEL + j * VEC_LANES, vec_load(right + j * VEC_LANES, count),
                count);
    }
  const matmul_operands packed = {
      .inner = o->inner,
      .left = o->left + row * o->left_row,
      .left_row = o->left_row,
      .left_step = o->left_step,
      .right = panel,
      .right_row = MATMUL_PANEL,
      .product = o->product + row * o->product_row + column,
      .product_row = o->product_row,
  };
  matmul_any_strip(vectors, lanes, &packed, 0, rows, 0, start, bias ? bias + column : NULL, ahead);
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
    if (matmul_packs(o, rows))
      matmul_packed_strip(vectors, lanes, o, row, rows, j, start, bias, ahead ? ahead : &next_rows);
    else
      matmul_any_strip(vectors, lanes, o, row, rows, j, start, bias, ahead ? ahead : &next_rows);
  }
}

/// Values of the left factor and the product of a block, for the second-level cache.
enum { MATMUL_BLOCK = 1 << 17 };

/// product = start + left . right for `rows` by `columns` elements.
static void matmul_block(size_t rows, size_t columns, const matmul_operands *o, matmul_start start,
                         const float *bias) {
  size_t most = LMN_TILE_ROWS;
  if (rows > most) most += MATMUL_BLOCK / (o->inner + columns) / LMN_TILE_ROWS * LMN_TILE_ROWS;
  for (size_t i = 0; i < rows; i += most)
    matmul_strips(o, i, lmn_min(rows - i, most), columns, start, bias, NULL);
}

/// A rectangle of units of a product, which are numbered by row, then column.
typedef struct {
  size_t row, rows, column, columns;
  size_t units;
} matmul_rectangle;

/// The largest rectangle that starts with unit `begin`, units being `tile` rows high.
static matmul_rectangle matmul_rectangle_of(size_t begin, size_t end, size_t tile, size_t rows,
                                            size_t columns) {
  const size_t panels = lmn_units(columns, LMN_TILE_COLUMNS);
  // Saves a division that would cost more than a product of few rows.
  const size_t first = begin == 0 ? 0 : begin / panels, panel = begin - first * panels;
  const size_t row = first * tile, column = panel * LMN_TILE_COLUMNS;
  const size_t wide = lmn_min(panels - panel, end - begin);
  const size_t high = wide < panels || end - begin == panels ? 1 : (end - begin) / panels;
  return (matmul_rectangle){
      .row = row,
      .rows = lmn_min(rows - row, high * tile),
      .column = column,
      .columns = lmn_min(columns - column, wide * LMN_TILE_COLUMNS),
      .units = wide * high,
  };
}

// product = left . right + bias
KERNEL(matmul_forward) {
  const lmn_matmul *a = args;
  while (begin < end) {
    const matmul_rectangle part =
        matmul_rectangle_of(begin, end, LMN_TILE_ROWS, a->rows, a->columns);
    const matmul_operands o = {
        .inner = a->inner,
        .left = a->left + part.row * a->inner,
        .left_row = a->inner,
        .left_step = 1,
        .right = a->right + part.column,
        .right_row = a->columns,
        .product = a->product + part.row * a->columns + part.column,
        .product_row = a->columns,
    };
    matmul_block(part.rows, part.columns, &o, a->bias ? MATMUL_BIAS : MATMUL_ZERO,
                 a->bias ? a->bias + part.column : NULL);
    begin += part.units;
  }
}

/// Rows of a block of a transposed product. Blocks are summed separately, so that rounding errors
/// grow slowly. A tile reads all rows of a block: of the left factor 32 pages, half of a
/// first-level TLB, of the right factor at most 64.
LMN_INLINE size_t matmul_depth(size_t inner, size_t columns) {
  const size_t widest = inner > columns / 2 ? inner : columns / 2;
  const size_t depth = 32 * 1024 / widest;
  return depth > 256 ? 256 : depth < 64 ? 64 : depth;
}

/// Prefetches the next block of a transposed product, which begins `depth` rows after that of
/// `left` and `right`, during one that computes `sums` of the inner x columns sums.
static matmul_ahead matmul_block_ahead(size_t depth, const float *left, size_t inner,
                                       const float *right, size_t columns, size_t sums) {
  const size_t vectors = lmn_min(TILE_VECTORS, lmn_units(columns, VEC_LANES));
  const size_t tile = TILE_HEIGHT(vectors) * vectors * VEC_LANES, line = 64;
  return (matmul_ahead){{
      {(uintptr_t)left + depth * inner * sizeof *left,
       lmn_min(line, lmn_units(tile * inner * sizeof *left, sums))},
      {(uintptr_t)right + depth * columns * sizeof *right,
       lmn_min(line, lmn_units(tile * columns * sizeof *right, sums))},
  }};
}

/// product += left^T . right over `rows` rows.
static void matmul_transposed_block(size_t rows, size_t inner, size_t columns, const float *left,
                                    size_t left_stride, const float *right, size_t right_stride,
                                    float *product, size_t product_stride) {
  const size_t most = matmul_depth(left_stride, right_stride);
  for (size_t m = 0; m < rows; m += most) {
    const size_t depth = lmn_min(rows - m, most);
    const matmul_operands o = {
        .inner = depth,
        .left = left + m * left_stride,
        .left_row = 1,
        .left_step = left_stride,
        .right = right + m * right_stride,
        .right_row = right_stride,
        .product = product,
        .product_row = product_stride,
    };
    // The rows of a level are followed by those of the next, so the last block prefetches too.
    matmul_ahead ahead =
        matmul_block_ahead(depth, o.left, left_stride, o.right, right_stride, inner * columns);
    matmul_strips(&o, 0, inner, columns, MATMUL_ADDED, NULL, &ahead);
  }
}

// d_right = left^T . d_product
KERNEL(matmul_backward_right) {
  const lmn_matmul_grad *a = args;
  const size_t units = lmn_units(a->inner, LMN_GRAD_ROWS) * lmn_units(a->columns, LMN_TILE_COLUMNS);
  const size_t sums = lmn_units(a->inner * a->columns * (end - begin), units);
  const size_t most = matmul_depth(a->inner, a->columns);
  for (size_t m = 0; m == 0 || m < a->rows; m += most) {
    const size_t depth = lmn_min(a->rows - m, most);
    const float *left = a->left + m * a->inner, *right = a->d_product + m * a->columns;
    matmul_ahead ahead = matmul_block_ahead(depth, left, a->inner, right, a->columns, sums);
    if (m + depth == a->rows) ahead.stream[0].step = ahead.stream[1].step = 0;
    for (size_t unit = begin; unit < end;) {
      const matmul_rectangle part =
          matmul_rectangle_of(unit, end, LMN_GRAD_ROWS, a->inner, a->columns);
      const matmul_operands o = {
          .inner = depth,
          .left = left + part.row,
          .left_row = 1,
          .left_step = a->inner,
          .right = right + part.column,
          .right_row = a->columns,
          .product = a->d_right + part.row * a->columns + part.column,
          .product_row = a->columns,
      };
      matmul_strips(&o, 0, part.rows, part.columns, m ? MATMUL_ADDED : MATMUL_ZERO, NULL, &ahead);
      unit += part.units;
    }
  }
}

#endif
