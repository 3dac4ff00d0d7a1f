// Matrix products. All products of the library use `matmul_block` or `matmul_transposed_block`.
#ifndef LMN_MATMUL_VEC_H
#define LMN_MATMUL_VEC_H

#include "isa/kernel.h"
#include "kernels/matmul_copied.vec.h"
#include "kernels/matmul_tile.vec.h"

/// Values of the left factor and the product of a block, for the second-level cache.
enum { MATMUL_BLOCK = 1 << 17 };

/// product = start + left . right for `rows` by `columns` elements.
static void matmul_block(size_t rows, size_t columns, const matmul_operands *o, matmul_start start,
                         const float *bias) {
  if (o->left_step == 1 && matmul_copies(rows, columns, o)) {
    matmul_copied(rows, columns, o, start, bias);
    return;
  }
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
/// first-level TLB, of the right factor at most 64; copies of factors are in few pages.
LMN_INLINE size_t matmul_depth(size_t inner, size_t columns) {
  if (MATMUL_COPIES) return MATMUL_STEPS;
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

/// Whether storing the product takes longest: short sums, and rows so long that the lines of tiles
/// below each other share few sets of the cache. Its rows are then stored from end to end.
LMN_INLINE bool matmul_stores(const matmul_operands *o) {
  return o->inner < 16 && o->product_row >= MATMUL_LONG_ROW;
}

/// product = start + left^T . right in at most matmul_depth steps.
LMN_INLINE void matmul_transposed_part(size_t rows, size_t columns, const matmul_operands *o,
                                       matmul_start start, matmul_ahead *ahead) {
  const size_t height = TILE_HEIGHT(TILE_VECTORS);
  if (matmul_stores(o))
    for (size_t i = 0; i < rows; i += height)
      matmul_strips(o, i, lmn_min(rows - i, height), columns, start, NULL, ahead);
  else if (matmul_copies(rows, columns, o))
    matmul_copied_transposed(rows, columns, o, start);
  else
    matmul_strips(o, 0, rows, columns, start, NULL, ahead);
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
    matmul_transposed_part(inner, columns, &o, MATMUL_ADDED, &ahead);
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
      matmul_transposed_part(part.rows, part.columns, &o, m ? MATMUL_ADDED : MATMUL_ZERO, &ahead);
      unit += part.units;
    }
  }
}

#endif
