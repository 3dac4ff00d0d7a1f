internal import CLMN

extension Tensor {
  /// Pullback of ``Summary/nodes(of:tokens:carried:expansion:)`` for affine summaries.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of the nodes, without the contributions through their parents.
  ///   - tree: Part of a stream's tree.
  ///   - grown: As returned by ``Summary/nodes(of:tokens:carried:expansion:)``.
  ///   - weight: `[KJ, rE, E]`.
  ///   - expansion: As given to the forward operation.
  /// - Returns: Cotangents of the nodes `[N, E]`, whose rows of tokens and carried nodes are those
  ///   of the inputs, and of weight, bias and expansion; `self` are the nodes, `[N, E]`.
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
