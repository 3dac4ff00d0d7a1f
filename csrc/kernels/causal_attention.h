// Units of causal attention, the same on every instruction set.
#ifndef LMN_CAUSAL_ATTENTION_H
#define LMN_CAUSAL_ATTENTION_H

#include "kernels/units.h"

enum { LMN_QUERY_BLOCK = 64 };

/// Block of queries of unit `unit` of a head with `blocks` of them. Blocks from both ends
/// alternate, because later blocks see more tokens: so any range of units has about its share of
/// the work.
static inline size_t lmn_query_block_of(size_t unit, size_t blocks) {
  return unit % 2 ? blocks - 1 - unit / 2 : unit / 2;
}

/// First of the tokens that token `token` attends to; both are counted from the first before the
/// chunk.
static inline size_t lmn_first_seen(size_t window, size_t token) {
  return token > window ? token - window : 0;
}

/// Tokens that a stream's newest token attends to, its own included, at position `position`.
static inline size_t lmn_tokens_seen(size_t window, int64_t position) {
  return lmn_min(window, (size_t)position) + 1;
}

/// Place of the token at a position in its stream's cache.
static inline size_t lmn_cache_place(size_t window, int64_t position) {
  return window == SIZE_MAX ? (size_t)position : (size_t)position % (window + 1);
}

#endif
