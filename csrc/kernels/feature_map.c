#include "isa/isa.h"
#include "kernels/units.h"

void lmn_feature_map_forward(lmn_context context, const lmn_feature_map *a) {
  lmn_share_out(context, context.isa->feature_map_forward, a, a->rows, 8 * a->width);
}

void lmn_feature_map_backward(lmn_context context, const lmn_feature_map_grad *a) {
  lmn_share_out(context, context.isa->feature_map_backward, a, a->rows, 16 * a->width);
}
