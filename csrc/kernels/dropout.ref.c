#include "kernels/units.h"

/// Word `word` of a block of Philox4x32-10.
static uint32_t philox(uint64_t seed, uint32_t block, uint32_t site, uint64_t number, size_t word) {
  uint32_t c[4] = {block, site, (uint32_t)number, (uint32_t)(number >> 32)};
  uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  for (int round = 0; round < 10; round++) {
    const uint64_t first = (uint64_t)0xD2511F53 * c[0], second = (uint64_t)0xCD9E8D57 * c[2];
    c[0] = (uint32_t)(second >> 32) ^ c[1] ^ k[0];
    c[2] = (uint32_t)(first >> 32) ^ c[3] ^ k[1];
    c[1] = (uint32_t)second;
    c[3] = (uint32_t)first;
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c[word];
}

void dropout_forward_reference(const void *args, size_t begin, size_t end) {
  const lmn_dropout *a = args;
  const uint32_t dropped_below = (uint32_t)((double)a->rate * 0x1p32);
  const float scale = 1 / (1 - a->rate);
  for (size_t i = begin * LMN_BLOCK; i < end * LMN_BLOCK && i < a->count; i++) {
    const size_t index = a->draw[2] * a->width + i;
    const uint32_t block = (uint32_t)(index / 64 * 16 + index % 16);
    const uint32_t random = philox(a->draw[0], block, a->site, a->draw[1], index / 16 % 4);
    a->kept[i] = random < dropped_below ? 0 : a->x[i] * scale;
  }
}
