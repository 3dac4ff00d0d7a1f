#ifndef LMN_DROPOUT_VEC_H
#define LMN_DROPOUT_VEC_H

#include "isa/kernel.h"

enum { PHILOX_BLOCKS = 16 };

/// Blocks `first` to `first` + 15 of Philox4x32-10, by word. The compiler vectorizes the loops over
/// blocks.
LMN_INLINE void philox_blocks(uint32_t words[4][PHILOX_BLOCKS], uint64_t seed, uint32_t first,
                              uint32_t site, uint64_t number) {
  for (uint32_t b = 0; b < PHILOX_BLOCKS; b++) {
    words[0][b] = first + b;
    words[1][b] = site;
    words[2][b] = (uint32_t)number;
    words[3][b] = (uint32_t)(number >> 32);
  }
  uint32_t low_key = (uint32_t)seed, high_key = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    for (size_t b = 0; b < PHILOX_BLOCKS; b++) {
      const uint64_t product0 = (uint64_t)0xD2511F53 * words[0][b];
      const uint64_t product2 = (uint64_t)0xCD9E8D57 * words[2][b];
      words[0][b] = (uint32_t)(product2 >> 32) ^ words[1][b] ^ low_key;
      words[2][b] = (uint32_t)(product0 >> 32) ^ words[3][b] ^ high_key;
      words[1][b] = (uint32_t)product2;
      words[3][b] = (uint32_t)product0;
    }
    low_key += 0x9E3779B9;
    high_key += 0xBB67AE85;
  }
}

// kept = x / (1 - rate), or 0 where the random number is below floor(rate * 2^32)
KERNEL(dropout_forward) {
  const lmn_dropout *a = args;
  const size_t last = lmn_min(end * LMN_BLOCK, a->count);
  const uint32_t dropped_below = (uint32_t)((double)a->rate * 0x1p32);
  const float scale = 1 / (1 - a->rate);
  const size_t first = a->draw[2] * a->width;
  for (size_t i = begin * LMN_BLOCK, count; i < last; i += count) {
    // A row of the draw may begin within a group of blocks.
    const size_t skipped = (first + i) % (4 * PHILOX_BLOCKS);
    uint32_t random[4][PHILOX_BLOCKS];
    philox_blocks(random, a->draw[0], (uint32_t)((first + i - skipped) / 4), a->site, a->draw[1]);
    const uint32_t *in_order = (const uint32_t *)random + skipped;
    const float *x = a->x + i;
    float *kept = a->kept + i;
    count = lmn_min(last - i, 4 * PHILOX_BLOCKS - skipped);
    for (size_t n = 0; n < count; n++) kept[n] = in_order[n] < dropped_below ? 0 : x[n] * scale;
  }
}

#endif
