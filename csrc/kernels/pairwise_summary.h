// What the kernels of pairwise summarization get: the whole operation and one level of it.
#ifndef LMN_PAIRWISE_SUMMARY_H
#define LMN_PAIRWISE_SUMMARY_H

#include "kernels/units.h"

typedef struct {
  const lmn_pairwise_summary *summary;
  lmn_pairs pairs;
} pairwise_summary_level;

typedef struct {
  const lmn_pairwise_summary_grad *grad;
  lmn_pairs pairs;
} pairwise_summary_grad_level;

#endif
