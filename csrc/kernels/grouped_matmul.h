// Row tiles of segments.
#ifndef LMN_GROUPED_MATMUL_H
#define LMN_GROUPED_MATMUL_H

#include "kernels/units.h"

/// Rows of one segment.
typedef struct lmn_segment_rows {
  size_t segment, row, end;
} lmn_segment_rows;

/// Number of tiles of all segments, at most.
static inline size_t lmn_segment_tiles(size_t rows, size_t segments) {
  return rows / LMN_TILE_ROWS + segments;
}

/// Rows of tiles `begin` to `end` - 1 that belong to the segment of tile `begin`; none if the tile
/// is not used. Segment g has the tiles from offsets[g] / LMN_TILE_ROWS + g on: those of two
/// segments do not overlap, since a segment has at most one tile that is not full.
static inline lmn_segment_rows lmn_segment_tile_rows(const int32_t *offsets, size_t rows,
                                                     size_t segments, size_t begin, size_t end) {
  size_t g = 0;
  while (g + 1 < segments && (size_t)offsets[g + 1] / LMN_TILE_ROWS + g + 1 <= begin) g++;
  const size_t first = lmn_segment_row(offsets, rows, g);
  const size_t last = lmn_segment_row(offsets, rows, g + 1);
  const size_t tile = first / LMN_TILE_ROWS + g;
  return (lmn_segment_rows){
      .segment = g,
      .row = lmn_min(last, first + (begin - tile) * LMN_TILE_ROWS),
      .end = lmn_min(last, first + (end - tile) * LMN_TILE_ROWS),
  };
}

#endif
