internal import CLMN

extension Tensor {
  /// What the cotangent of nodes that are affine summaries gives to what they were made from.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of every node by itself.
  ///   - tree: Which part of a stream's tree this is.
  ///   - grown: As ``Summary/nodes(of:tokens:carried:expansion:)`` returned it.
  ///   - weight: `[KJ, rE, E]`.
  ///   - expansion: As before.
  /// - Returns: `nodes` `[N, E]`, of which the rows of tokens and carried nodes are their cotangents,
  ///   and those of weight, bias and expansion, for `self` of shape `[N, E]`, the nodes.
  public func affineSummaryPullback(
    _ cotangent: Tensor, of tree: Tree, grown: Tensor, weight: Tensor, expansion: Expansion? = nil
  ) -> (nodes: Tensor, weight: Tensor, bias: Tensor, expansion: Expansion) {
    precondition(
      cotangent.shape == shape, "affineSummaryPullback: \(cotangent.shape) of nodes \(shape)")
    let width = shape[1]
    let transposed = weight.transposed
    let d_nodes = cotangent.copied()
    let d_weight = Tensor(uninitialized: weight.shape)
    let d_bias = Tensor(uninitialized: [tree.shape.banks, width])
    let d_expansion = ExpansionGradient(of: expansion, grown: grown)
    ExecutionContext.current.run(
      lmn_affine_summary_backward,
      lmn_affine_summary_grad(
        tree: tree.layout, width: width, sources: weight.shape[0] / tree.shape.banks, nodes: base,
        weight_transposed: transposed.base, d_nodes: d_nodes.output, d_weight: d_weight.output,
        d_bias: d_bias.output, expansion: d_expansion.arguments),
      on: self, transposed, d_nodes, d_weight, d_bias, d_expansion.operands)
    return (d_nodes, d_weight, d_bias, d_expansion.result)
  }
}
