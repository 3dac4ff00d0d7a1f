// What the kernels of depthwise-separable convolution get: the whole operation and one level of it.
#ifndef LMN_SEPARABLE_CONV_H
#define LMN_SEPARABLE_CONV_H

#include "kernels/units.h"

typedef struct {
  const lmn_separable_conv *conv;
  lmn_pairs pairs;
} separable_conv_level;

typedef struct {
  const lmn_separable_conv_grad *grad;
  lmn_pairs pairs;
} separable_conv_grad_level;

#endif
