// Products of many rows, block by block, whose factors are copied to the stack: a register tile
// then reads adjacent cache lines, whatever the strides of the matrices. Rows at a power-of-two
// stride would share few sets of a cache.
#ifndef LMN_MATMUL_COPIED_VEC_H
#define LMN_MATMUL_COPIED_VEC_H

#include "isa/kernel.h"
#include "kernels/matmul_tile.vec.h"

enum {
  /// Whether this instruction set copies: not if its panels are too wide for the first-level cache.
  MATMUL_COPIES = MATMUL_PANEL <= 16,
  MATMUL_STEPS = 256,  // of a sum in a block: a panel has half of a first-level cache of 32 KB
  MATMUL_ROWS = 192,   // of a copied left factor, for a second-level cache of 512 KB
  MATMUL_GROUP = 2 * MATMUL_PANEL,  // columns copied together: each row may be in a page of its own
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

/// The tiles of a panel of `vectors` vectors, `tile_stride` floats of the left factor apart; the
/// last vector of a row of the product has `lanes` lanes.
LMN_INLINE void matmul_panel(const size_t vectors, size_t lanes, const matmul_operands *o,
                             size_t tile_stride, size_t rows, matmul_start start, const float *bias,
                             matmul_later *next_left, matmul_later *next_right) {
  const float *left = o->left;
  float *product = o->product;
#define MATMUL_TILES(height, stride)                                                               \
  while (rows >= height) {                                                                         \
    matmul_prefetch(next_left);                                                                    \
    matmul_prefetch(next_right);                                                                   \
    matmul_tile(height, vectors, lanes, VEC_LANES, o, left, o->right, product, start, bias, NULL); \
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

/// Columns of a transposed left factor: MATMUL_STEPS steps of MATMUL_HEIGHT values for every tile,
/// and room for a vector. Vectors are stored whole; the next step overwrites what is too much.
LMN_INLINE void matmul_copy_columns(const matmul_operands *o, size_t rows, float *copy) {
  enum { STEPS = 16, VECTORS = (MATMUL_HEIGHT + VEC_LANES - 1) / VEC_LANES };
  // A few steps at a time, so that lines that adjacent tiles share stay in the cache.
  for (size_t first = 0; first < o->inner; first += STEPS) {
    const size_t last = lmn_min(first + STEPS, o->inner);
    for (size_t i = 0; i < rows; i += MATMUL_HEIGHT) {
      const float *from = o->left + i;
      float *to = copy + i * MATMUL_PADDED;
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

/// Panels of the right factor. Their last vector is filled up with zeros.
LMN_INLINE void matmul_copy_panels(const matmul_operands *o, size_t column, size_t columns,
                                   float *copy) {
  const float *from = o->right + column;
  for (size_t k = 0; k < o->inner; k++, from += o->right_row, copy += MATMUL_PANEL)
    for (size_t j = 0; j < columns; j += VEC_LANES)
      vec_store(copy + j / MATMUL_PANEL * MATMUL_STEPS * MATMUL_PANEL + j % MATMUL_PANEL,
                vec_load(from + j, lmn_min(VEC_LANES, columns - j)), VEC_LANES);
}

/// product = start + left . right for `rows` rows, in at most MATMUL_STEPS steps. With `copy`, the
/// left factor is copied there, at most MATMUL_ROWS rows of it.
LMN_INLINE void matmul_panels(const bool transposed, float *copy, size_t rows, size_t columns,
                              const matmul_operands *o, matmul_start start, const float *bias,
                              matmul_later next_left) {
  float right[MATMUL_GROUP * MATMUL_STEPS] __attribute__((aligned(64)));
  matmul_operands tiles = *o;
  tiles.right_row = MATMUL_PANEL;
  if (transposed)
    tiles.left_row = 1;
  else
    tiles.left_step = 1;
  size_t tile_stride = MATMUL_HEIGHT * tiles.left_row;
  if (copy) {
    tiles.left = copy;
    tile_stride = MATMUL_HEIGHT * MATMUL_PADDED;
  }
  if (copy && transposed) {
    matmul_copy_columns(o, rows, copy);
    tiles.left_step = MATMUL_HEIGHT;
  } else if (copy) {
    matmul_copy_rows(o, rows, copy);
    tiles.left_row = MATMUL_PADDED;
  }
  for (size_t first = 0; first < columns; first += MATMUL_GROUP) {
    const size_t width = lmn_min(MATMUL_GROUP, columns - first);
    if (width == MATMUL_GROUP)
      matmul_copy_panels(o, first, MATMUL_GROUP, right);
    else
      matmul_copy_panels(o, first, width, right);
    const size_t next = lmn_min(MATMUL_GROUP, columns - first - width);
    matmul_later next_right =
        matmul_later_of(o->right + first + width, o->right_row, next ? o->inner : 0, next,
                        lmn_units(width, MATMUL_PANEL) * lmn_units(rows, MATMUL_HEIGHT));
    tiles.right = right;
    tiles.product = o->product + first;
    for (size_t j = 0; j < width; j += MATMUL_PANEL) {
      const size_t vectors = lmn_units(lmn_min(MATMUL_PANEL, width - j), VEC_LANES);
      const size_t lanes = lmn_min(MATMUL_PANEL, width - j) - (vectors - 1) * VEC_LANES;
      const float *added = bias ? bias + first + j : NULL;
#define MATMUL_PANEL_OF(vectors, lanes) \
  matmul_panel(vectors, lanes, &tiles, tile_stride, rows, start, added, &next_left, &next_right)
      if (width - j >= MATMUL_PANEL)
        MATMUL_PANEL_OF(TILE_VECTORS, VEC_LANES);
      else if (vectors == 1)
        MATMUL_PANEL_OF(1, lanes);
      else if (vectors == 2)
        MATMUL_PANEL_OF(2, lanes);
#if TILE_WIDE
      else if (vectors == 3)
        MATMUL_PANEL_OF(3, lanes);
      else
        MATMUL_PANEL_OF(4, lanes);
#endif
#undef MATMUL_PANEL_OF
      tiles.right += MATMUL_STEPS * MATMUL_PANEL;
      tiles.product += MATMUL_PANEL;
    }
  }
}

static void matmul_panels_copied(size_t rows, size_t columns, const matmul_operands *o,
                                 matmul_start start, const float *bias, matmul_later next_left) {
  float copy[MATMUL_ROWS * MATMUL_PADDED] __attribute__((aligned(64)));
  matmul_panels(false, copy, rows, columns, o, start, bias, next_left);
}

static void matmul_panels_in_place(size_t rows, size_t columns, const matmul_operands *o,
                                   matmul_start start, const float *bias, matmul_later next_left) {
  matmul_panels(false, NULL, rows, columns, o, start, bias, next_left);
}

static void matmul_panels_transposed(size_t rows, size_t columns, const matmul_operands *o,
                                     matmul_start start) {
  float copy[MATMUL_ROWS * MATMUL_PADDED] __attribute__((aligned(64)));
  matmul_panels(true, copy, rows, columns, o, start, NULL, (matmul_later){0});
}

static void matmul_panels_transposed_in_place(size_t rows, size_t columns, const matmul_operands *o,
                                              matmul_start start) {
  matmul_panels(true, NULL, rows, columns, o, start, NULL, (matmul_later){0});
}

/// Whether panels are copied: if enough tiles use one. Strips in place suffer from long rows of the
/// right factor and from a last vector that is not whole.
LMN_INLINE bool matmul_copies(size_t rows, size_t columns, const matmul_operands *o) {
  const bool suffers = o->right_row >= MATMUL_LONG_ROW || columns % MATMUL_PANEL != 0;
  return MATMUL_COPIES && o->inner > 0 && rows >= (suffers ? 32 : 96);
}

/// product = start + left . right, with left_step 1. A sum goes on from the value that its last
/// block has stored, so its bits are those of one block.
static void matmul_copied(size_t rows, size_t columns, const matmul_operands *o, matmul_start start,
                          const float *bias) {
  // A copy of the left factor costs a few percent of the time of 256 columns, and its conflicts in
  // the cache, in place, as much.
  const bool copied = columns >= 256;
  const size_t deep = lmn_min(o->inner, MATMUL_STEPS);
  const size_t most = copied ? MATMUL_ROWS : (1 << 16) / deep / LMN_TILE_ROWS * LMN_TILE_ROWS;
  for (size_t i = 0; i < rows; i += most)
    for (size_t k = 0; k < o->inner; k += MATMUL_STEPS) {
      const size_t height = lmn_min(rows - i, most);
      matmul_operands part = *o;
      part.inner = lmn_min(o->inner - k, MATMUL_STEPS);
      part.left += i * o->left_row + k;
      part.right += k * o->right_row;
      part.product += i * o->product_row;
      const size_t tiles = lmn_units(height, MATMUL_HEIGHT) * lmn_units(columns, MATMUL_PANEL);
      const size_t rest = o->inner - k - part.inner;
      const matmul_later next =
          rest ? matmul_later_of(part.left + part.inner, o->left_row, height,
                                 lmn_min(rest, MATMUL_STEPS), tiles)
               : matmul_later_of(o->left + (i + height) * o->left_row, o->left_row,
                                 lmn_min(rows - i - height, most), deep, tiles);
      (copied ? matmul_panels_copied : matmul_panels_in_place)(
          height, columns, &part, k ? MATMUL_PRODUCT : start, bias, next);
    }
}

/// product = start + left^T . right in at most MATMUL_STEPS steps.
static void matmul_copied_transposed(size_t rows, size_t columns, const matmul_operands *o,
                                     matmul_start start) {
  // Short rows are in enough sets of the first-level cache.
  const bool copied = columns * o->left_step >= 1 << 16;
  const size_t most = copied ? MATMUL_ROWS : rows;
  for (size_t i = 0; i < rows; i += most) {
    const size_t height = lmn_min(rows - i, most);
    matmul_operands part = *o;
    part.left += i;
    part.product += i * o->product_row;
    (copied ? matmul_panels_transposed : matmul_panels_transposed_in_place)(height, columns, &part,
                                                                            start);
  }
}

#endif
