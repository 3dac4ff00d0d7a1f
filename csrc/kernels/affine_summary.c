#include "isa/isa.h"
#include "kernels/units.h"

static lmn_summarizer summarizer(lmn_context context, const lmn_affine_summary *a) {
  return (lmn_summarizer){
      .kernel = context.isa->affine_summary_forward,
      .operation = a,
      .work = a->sources * a->tree.shape.arity * a->width * a->width,
      .expansion = {a->tree, a->width, .nodes = a->nodes, .expansion = a->expansion},
  };
}

void lmn_affine_summary_forward(lmn_context context, const lmn_affine_summary *a) {
  const lmn_summarizer s = summarizer(context, a);
  lmn_tree_ascend(context, &s);
}

void lmn_affine_summary_families_forward(lmn_context context, const lmn_affine_summary *a,
                                         lmn_families families) {
  const lmn_summarizer s = summarizer(context, a);
  lmn_tree_summarize(context, &s, families);
}

void lmn_affine_summary_backward(lmn_context context, const lmn_affine_summary_grad *a) {
  const size_t E = a->width, below = a->tree.shape.arity * E;
  const lmn_summarizer s = {
      .kernel = context.isa->affine_summary_backward_nodes,
      .operation = a,
      .work = a->sources * below * E,
      .expansion = {a->tree, E, .nodes = a->d_nodes, .grad = a->expansion},
  };
  lmn_tree_descend(context, &s, a->nodes);
  lmn_share_out(context, context.isa->affine_summary_backward_weight, a,
                a->tree.shape.banks * a->sources * lmn_units(below, LMN_TILE_ROWS),
                LMN_TILE_ROWS * E * a->tree.length);
}
