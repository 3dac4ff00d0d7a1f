// Products of many rows, block by block, whose factors are copied to the stack: a register tile then
// reads adjacent cache lines, whatever the strides of the matrices. Rows at a power-of-two stride
// would share few sets of a cache.
#ifndef LMN_MATMUL_COPIED_VEC_H
#define LMN_MATMUL_COPIED_VEC_H

#include "isa/kernel.h"
#include "kernels/matmul_tile.vec.h"

enum {
  /// Whether this instruction set copies: not if its panels are too wide for the first-level cache.
  MATMUL_COPIES = MATMUL_PANEL <= 16,
  MATMUL_STEPS = 256,  // of a sum in a block: a panel has half of a first-level cache of 32 KB
  MATMUL_ROWS = 192,   // of a copied left factor, for a second-level cache of 512 KB
  MATMUL_GROUP = 2,    // panels copied together, since a row of the right factor may be a page
  MATMUL_HEIGHT = TILE_HEIGHT(TILE_VECTORS),
  MATMUL_LINE = 16,  // floats
  MATMUL_PADDED = MATMUL_STEPS + MATMUL_LINE,
};

/// A part of a matrix that a later block reads; tiles prefetch equal shares of it to the
/// second-level cache.
typedef struct {
  uintptr_t at;  // an integer, since it may leave the array
  size_t row;    // bytes from row to row
  size_t rows, lines;
  size_t line;   // of the row, the next one
  size_t share;  // lines per tile
} matmul_later;

LMN_INLINE matmul_later matmul_later_of(const float *at, size_t row, size_t rows, size_t columns,
                                        size_t tiles) {
  const size_t lines = lmn_units(columns, MATMUL_LINE);
  return (matmul_later){
      .at = (uintptr_t)at,
      .row = row * sizeof *at,
      .rows = rows,
      .lines = lines,
      .share = lmn_units(rows * lines, tiles),
  };
}

LMN_INLINE void matmul_prefetch(matmul_later *later) {
  for (size_t n = later->share; n > 0 && later->rows > 0; n--) {
    __builtin_prefetch((const void *)(later->at + later->line * MATMUL_LINE * sizeof(float)), 0, 2);
    if (++later->line < later->lines) continue;
    later->line = 0;
    later->at += later->row;
    later->rows--;
  }
}

/// The tiles of a panel, `tile_stride` floats of the left factor apart.
LMN_INLINE void matmul_panel(const matmul_operands *o, size_t tile_stride, size_t rows,
                             matmul_start start, const float *bias, matmul_later *next_left,
                             matmul_later *next_right) {
  const float *left = o->left;
  float *product = o->product;
#define MATMUL_TILES(height, stride)                                                               \
  while (rows >= height) {                                                                         \
    matmul_prefetch(next_left);                                                                    \
    matmul_prefetch(next_right);                                                                   \
    matmul_tile(height, TILE_VECTORS, VEC_LANES, o, left, o->right, product, start, bias, NULL);   \
    left += stride;                                                                                \
    product += height * o->product_row;                                                            \
    rows -= height;                                                                                \
  }
  MATMUL_TILES(MATMUL_HEIGHT, tile_stride)
  MATMUL_TILES(4, 4 * o->left_row)
  MATMUL_TILES(3, 3 * o->left_row)
  MATMUL_TILES(2, 2 * o->left_row)
  MATMUL_TILES(1, o->left_row)
#undef MATMUL_TILES
}

/// Rows of a left factor, padded so that they begin in different sets of the cache.
LMN_INLINE void matmul_copy_rows(const matmul_operands *o, size_t rows, float *copy) {
  for (size_t i = 0; i < rows; i++) {
    const float *from = o->left + i * o->left_row;
    float *to = copy + i * MATMUL_PADDED;
    size_t k = 0;
    for (; k + VEC_LANES <= o->inner; k += VEC_LANES)
      vec_store(to + k, vec_load(from + k, VEC_LANES), VEC_LANES);
    if (k < o->inner) vec_store(to + k, vec_load(from + k, o->inner - k), VEC_LANES);
  }
}

/// Columns of a transposed left factor: MATMUL_STEPS steps of MATMUL_HEIGHT values for every tile.
/// Vectors are stored whole; the next step overwrites what is too much.
LMN_INLINE void matmul_copy_columns(const matmul_operands *o, size_t rows, float *copy) {
  enum { STEPS = 16, VECTORS = (MATMUL_HEIGHT + VEC_LANES - 1) / VEC_LANES };
  // A few steps at a time, so that lines that adjacent tiles share stay in the cache.
  for (size_t first = 0; first < o->inner; first += STEPS) {
    const size_t last = lmn_min(first + STEPS, o->inner);
    for (size_t i = 0; i < rows; i += MATMUL_HEIGHT) {
      const float *from = o->left + i;
      float *to = copy + i * MATMUL_STEPS;
      if (rows - i >= VECTORS * VEC_LANES) {
        for (size_t k = first; k < last; k++)
#pragma clang loop unroll(full)
          for (size_t j = 0; j < VECTORS; j++)
            vec_store(to + k * MATMUL_HEIGHT + j * VEC_LANES,
                      vec_load(from + k * o->left_step + j * VEC_LANES, VEC_LANES), VEC_LANES);
      } else {
        for (size_t k = first; k < last; k++)
          for (size_t j = 0; j < lmn_min(rows - i, MATMUL_HEIGHT); j++)
            to[k * MATMUL_HEIGHT + j] = from[k * o->left_step + j];
      }
    }
  }
}

/// product = start + left . right for `rows` rows and whole panels, in at most MATMUL_STEPS steps;
/// at most MATMUL_ROWS rows if the left factor is copied.
LMN_INLINE void matmul_panels(const bool transposed, const bool copied, size_t rows, size_t panels,
                              const matmul_operands *o, matmul_start start, const float *bias,
                              matmul_later next_left) {
  float left[copied ? MATMUL_ROWS * MATMUL_PADDED : 1] __attribute__((aligned(64)));
  float right[MATMUL_GROUP * MATMUL_STEPS * MATMUL_PANEL] __attribute__((aligned(64)));
  if (copied && transposed) matmul_copy_columns(o, rows, left);
  if (copied && !transposed) matmul_copy_rows(o, rows, left);
  matmul_operands tiles = {
      .inner = o->inner,
      .left = copied ? left : o->left,
      .left_row = transposed ? 1 : copied ? MATMUL_PADDED : o->left_row,
      .left_step = !transposed ? 1 : copied ? MATMUL_HEIGHT : o->left_step,
      .right_row = MATMUL_PANEL,
      .product_row = o->product_row,
  };
  const size_t tile_stride =
      copied && transposed ? MATMUL_HEIGHT * MATMUL_STEPS : MATMUL_HEIGHT * tiles.left_row;
  for (size_t first = 0; first < panels; first += MATMUL_GROUP) {
    const size_t count = lmn_min(MATMUL_GROUP, panels - first);
    const float *from = o->right + first * MATMUL_PANEL;
    for (size_t k = 0; k < o->inner; k++)
      for (size_t j = 0; j < count; j++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < MATMUL_PANEL; v += VEC_LANES)
          vec_store(right + (j * MATMUL_STEPS + k) * MATMUL_PANEL + v,
                    vec_load(from + k * o->right_row + j * MATMUL_PANEL + v, VEC_LANES), VEC_LANES);
    const size_t next = lmn_min(MATMUL_GROUP, panels - first - count);
    matmul_later next_right =
        matmul_later_of(from + count * MATMUL_PANEL, o->right_row, next ? o->inner : 0,
                        next * MATMUL_PANEL, count * lmn_units(rows, MATMUL_HEIGHT));
    for (size_t j = 0; j < count; j++) {
      tiles.right = right + j * MATMUL_STEPS * MATMUL_PANEL;
      tiles.product = o->product + (first + j) * MATMUL_PANEL;
      matmul_panel(&tiles, tile_stride, rows, start,
                   bias ? bias + (first + j) * MATMUL_PANEL : NULL, &next_left, &next_right);
    }
  }
}

static void matmul_panels_copied(size_t rows, size_t panels, const matmul_operands *o,
                                 matmul_start start, const float *bias, matmul_later next_left) {
  matmul_panels(false, true, rows, panels, o, start, bias, next_left);
}

static void matmul_panels_in_place(size_t rows, size_t panels, const matmul_operands *o,
                                   matmul_start start, const float *bias, matmul_later next_left) {
  matmul_panels(false, false, rows, panels, o, start, bias, next_left);
}

static void matmul_panels_transposed(size_t rows, size_t panels, const matmul_operands *o,
                                     matmul_start start) {
  matmul_panels(true, true, rows, panels, o, start, NULL, (matmul_later){0});
}

static void matmul_panels_transposed_in_place(size_t rows, size_t panels, const matmul_operands *o,
                                              matmul_start start) {
  matmul_panels(true, false, rows, panels, o, start, NULL, (matmul_later){0});
}

/// Whether the factors of a product are copied: if enough tiles use a panel.
LMN_INLINE bool matmul_copies(size_t rows, size_t columns) {
  return MATMUL_COPIES && rows >= 2 * LMN_TILE_ROWS && columns >= MATMUL_PANEL;
}

/// product = start + left . right. A sum goes on from the value that its last block has stored, so
/// its bits are those of one block.
static void matmul_copied(size_t rows, size_t columns, const matmul_operands *o,
                          matmul_start start, const float *bias) {
  // Copying costs a few percent of the time of 256 columns, and reading in place as much.
  const bool copied = columns >= 256;
  const size_t panels = columns / MATMUL_PANEL, whole = panels * MATMUL_PANEL;
  const size_t most = copied ? MATMUL_ROWS : (1 << 16) / lmn_min(o->inner, MATMUL_STEPS);
  for (size_t i = 0; i < rows; i += most)
    for (size_t k = 0; k < o->inner; k += MATMUL_STEPS) {
      const size_t height = lmn_min(rows - i, most), steps = lmn_min(o->inner - k, MATMUL_STEPS);
      matmul_operands part = *o;
      part.inner = steps;
      part.left += i * o->left_row + k;
      part.right += k * o->right_row;
      part.product += i * o->product_row;
      const matmul_start from = k ? MATMUL_PRODUCT : start;
      const bool ends = k + steps == o->inner;
      const matmul_later next = matmul_later_of(
          ends ? o->left + (i + height) * o->left_row : part.left + steps, o->left_row,
          ends ? lmn_min(rows - i - height, most) : height,
          ends ? lmn_min(o->inner, MATMUL_STEPS) : lmn_min(o->inner - k - steps, MATMUL_STEPS),
          panels * lmn_units(height, MATMUL_HEIGHT));
      (copied ? matmul_panels_copied : matmul_panels_in_place)(height, panels, &part, from, bias,
                                                               next);
      part.right += whole;
      part.product += whole;
      matmul_strips(&part, 0, height, columns - whole, from, bias ? bias + whole : NULL, NULL);
    }
}

/// product = start + left^T . right in at most MATMUL_STEPS steps.
static void matmul_copied_transposed(size_t rows, size_t columns, const matmul_operands *o,
                                     matmul_start start, matmul_ahead *ahead) {
  // Short rows are in enough sets of the first-level cache.
  const bool copied = columns * o->left_step >= 1 << 16;
  const size_t panels = columns / MATMUL_PANEL, whole = panels * MATMUL_PANEL;
  const size_t most = copied ? MATMUL_ROWS : rows;
  for (size_t i = 0; i < rows; i += most) {
    const size_t height = lmn_min(rows - i, most);
    matmul_operands part = *o;
    part.left += i;
    part.product += i * o->product_row;
    (copied ? matmul_panels_transposed : matmul_panels_transposed_in_place)(height, panels, &part,
                                                                            start);
    part.right += whole;
    part.product += whole;
    matmul_strips(&part, 0, height, columns - whole, start, NULL, ahead);
  }
}

#endif
