// Matrix products. Every other product of the house goes through `matmul_block`.

/// Factors and product of a block by strides, so that one register tile serves both directions:
/// left[i][k] stands at left[i * left_row + k * left_step].
typedef struct {
  size_t inner;
  const float *left;
  size_t left_row, left_step;
  const float *right;
  size_t right_row;
  float *product;
  size_t product_row;
} matmul_operands;

/// What a block's sums begin with.
typedef enum { MATMUL_ZERO, MATMUL_BIAS, MATMUL_PRODUCT } matmul_start;

// product[i][j] = start + sum over k, in order, of left[i][k] * right[k][j]. Each element is one
// chain of fused multiply-adds, so its bits depend neither on the tile nor on the rows around it.
LMN_INLINE void matmul_tile(const size_t rows, const size_t vectors, size_t last_lanes,
                            const matmul_operands *o, matmul_start start, const float *bias) {
  vec sum[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const size_t lanes = j + 1 < vectors ? VEC_LANES : last_lanes;
      sum[i][j] = start == MATMUL_ZERO ? vec_set(0)
                  : start == MATMUL_BIAS
                      ? vec_load(bias + j * VEC_LANES, lanes)
                      : vec_load(o->product + i * o->product_row + j * VEC_LANES, lanes);
    }
  const float *left = o->left, *right = o->right;
#pragma clang loop unroll(disable)
  for (size_t k = 0; k < o->inner; k++, left += o->left_step, right += o->right_row) {
    vec r[TILE_VECTORS];
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
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++)
      vec_store(o->product + i * o->product_row + j * VEC_LANES, sum[i][j],
                j + 1 < vectors ? VEC_LANES : last_lanes);
}

#define MATMUL_TILE_OF(rows, vectors)                        \
  case rows * 8 + vectors:                                   \
    if (lanes == VEC_LANES)                                  \
      matmul_tile(rows, vectors, VEC_LANES, o, start, bias); \
    else                                                     \
      matmul_tile(rows, vectors, lanes, o, start, bias);     \
    break;
#define MATMUL_TILES_OF(vectors) \
  MATMUL_TILE_OF(1, vectors)     \
  MATMUL_TILE_OF(2, vectors)     \
  MATMUL_TILE_OF(3, vectors)     \
  MATMUL_TILE_OF(4, vectors) MATMUL_TILE_OF(5, vectors) MATMUL_TILE_OF(6, vectors)

static void matmul_any_tile(size_t rows, size_t vectors, size_t lanes, const matmul_operands *o,
                            matmul_start start, const float *bias) {
  switch (rows * 8 + vectors) {
    MATMUL_TILES_OF(1)
    MATMUL_TILES_OF(2)
#if TILE_WIDE
    MATMUL_TILES_OF(3)
    MATMUL_TILES_OF(4)
#endif
  }
}

/// product = start + left . right for `rows` by `columns` elements. Column panels outside, so that
/// a panel of `right` stays in the first-level cache.
static void matmul_block(size_t rows, size_t columns, matmul_operands o, matmul_start start,
                         const float *bias) {
  const float *left = o.left;
  for (size_t j = 0; j < columns; j += TILE_VECTORS * VEC_LANES) {
    const size_t width = lmn_min(columns - j, TILE_VECTORS * VEC_LANES);
    const size_t vectors = lmn_units(width, VEC_LANES);
    float *product = o.product;
    o.left = left;
    for (size_t i = 0; i < rows; i += TILE_ROWS) {
      matmul_any_tile(lmn_min(rows - i, TILE_ROWS), vectors, width - (vectors - 1) * VEC_LANES, &o,
                      start, bias ? bias + j : NULL);
      o.left += TILE_ROWS * o.left_row;
      o.product += TILE_ROWS * o.product_row;
    }
    o.right += width;
    o.product = product + width;
  }
}

// product = left . right + bias
KERNEL(matmul_forward) {
  const lmn_matmul *a = args;
  const size_t row_tiles = lmn_units(a->rows, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t i = unit % row_tiles * LMN_TILE_ROWS, j = unit / row_tiles * LMN_TILE_COLUMNS;
    const matmul_operands o = {
        .inner = a->inner,
        .left = a->left + i * a->inner,
        .left_row = a->inner,
        .left_step = 1,
        .right = a->right + j,
        .right_row = a->columns,
        .product = a->product + i * a->columns + j,
        .product_row = a->columns,
    };
    matmul_block(lmn_min(a->rows - i, LMN_TILE_ROWS), lmn_min(a->columns - j, LMN_TILE_COLUMNS), o,
                 a->bias ? MATMUL_BIAS : MATMUL_ZERO, a->bias ? a->bias + j : NULL);
  }
}

enum { MATMUL_DEPTH = 256 };

/// product (+)= left^T . right over `rows` rows, in blocks whose right factor stays in cache; the
/// blocks also keep the chains of rounding short. No rows at all are a block too: one that gives 0.
static void matmul_transposed_block(size_t rows, size_t inner, size_t columns, const float *left,
                                    size_t left_stride, const float *right, size_t right_stride,
                                    float *product, size_t product_stride, bool add) {
  for (size_t m = 0; m == 0 || m < rows; m += MATMUL_DEPTH) {
    const matmul_operands o = {
        .inner = lmn_min(rows - m, MATMUL_DEPTH),
        .left = left + m * left_stride,
        .left_row = 1,
        .left_step = left_stride,
        .right = right + m * right_stride,
        .right_row = right_stride,
        .product = product,
        .product_row = product_stride,
    };
    matmul_block(inner, columns, o, add || m ? MATMUL_PRODUCT : MATMUL_ZERO, NULL);
  }
}

// d_right = left^T . d_product
KERNEL(matmul_backward_right) {
  const lmn_matmul_grad *a = args;
  const size_t row_tiles = lmn_units(a->inner, LMN_TILE_ROWS);
  for (size_t unit = begin; unit < end; unit++) {
    const size_t k = unit % row_tiles * LMN_TILE_ROWS, j = unit / row_tiles * LMN_TILE_COLUMNS;
    matmul_transposed_block(a->rows, lmn_min(a->inner - k, LMN_TILE_ROWS),
                            lmn_min(a->columns - j, LMN_TILE_COLUMNS), a->left + k, a->inner,
                            a->d_product + j, a->columns, a->d_right + k * a->columns + j,
                            a->columns, false);
  }
}
