#include "isa/isa.h"
#include "kernels/units.h"

static lmn_summarizer summarizer(lmn_context context, const lmn_separable_conv *a) {
  return (lmn_summarizer){
      .kernel = context.isa->separable_conv_forward,
      .operation = a,
      .work = a->width * a->width,
      .expansion = {a->tree, a->width, .nodes = a->nodes, .expansion = a->expansion},
  };
}

void lmn_separable_conv_forward(lmn_context context, const lmn_separable_conv *a) {
  const lmn_summarizer s = summarizer(context, a);
  lmn_tree_ascend(context, &s);
}

void lmn_separable_conv_families_forward(lmn_context context, const lmn_separable_conv *a,
                                         lmn_families families) {
  const lmn_summarizer s = summarizer(context, a);
  lmn_tree_summarize(context, &s, families);
}

void lmn_separable_conv_backward(lmn_context context, const lmn_separable_conv_grad *a) {
  const lmn_summarizer s = {
      .kernel = context.isa->separable_conv_backward_nodes,
      .operation = a,
      .work = a->width * a->width,
      .expansion = {a->tree, a->width, .nodes = a->d_nodes, .grad = a->expansion},
  };
  lmn_tree_descend(context, &s, a->nodes);
  const size_t banks = a->tree.shape.banks;
  lmn_share_out(context, context.isa->separable_conv_backward_taps, a,
                banks * lmn_units(a->width, LMN_TILE_COLUMNS), 16 * a->tree.length);
  lmn_share_out(context, context.isa->separable_conv_backward_pointwise, a,
                banks * lmn_units(a->width, LMN_TILE_ROWS),
                LMN_TILE_ROWS * a->width * a->tree.length);
}
