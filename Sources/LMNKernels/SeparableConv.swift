internal import CLMN

extension Tensor {
  /// What the cotangent of nodes that are depthwise-separable convolutions gives to what they were
  /// made from.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of every node by itself.
  ///   - tree: Which part of a stream's tree this is.
  ///   - grown: As ``Summary/nodes(of:tokens:carried:expansion:)`` returned it.
  ///   - mixed: Likewise.
  ///   - taps: `[K, r + 1, E]`.
  ///   - pointwise: `[K, E, E]`.
  ///   - expansion: As before.
  /// - Returns: `nodes` `[N, E]`, of which the rows of tokens and carried nodes are their cotangents,
  ///   and those of taps, pointwise, bias and expansion, for `self` of shape `[N, E]`, the nodes.
  public func separableConvPullback(
    _ cotangent: Tensor, of tree: Tree, grown: Tensor, mixed: Tensor, taps: Tensor,
    pointwise: Tensor, expansion: Expansion? = nil
  ) -> (nodes: Tensor, taps: Tensor, pointwise: Tensor, bias: Tensor, expansion: Expansion) {
    precondition(
      cotangent.shape == shape && mixed.shape == shape,
      "separableConvPullback: \(cotangent.shape) and mixed \(mixed.shape) of nodes \(shape)")
    let transposed = pointwise.transposed
    let d_nodes = cotangent.copied()
    let d_mixed = Tensor(uninitialized: shape)
    let d_taps = Tensor(uninitialized: taps.shape)
    let d_pointwise = Tensor(uninitialized: pointwise.shape)
    let d_bias = Tensor(uninitialized: [tree.shape.banks, shape[1]])
    let d_expansion = ExpansionGradient(of: expansion, grown: grown)
    ExecutionContext.current.run(
      lmn_separable_conv_backward,
      lmn_separable_conv_grad(
        tree: tree.layout, width: shape[1], taps: taps.base,
        pointwise_transposed: transposed.base, nodes: base, mixed: mixed.base,
        d_nodes: d_nodes.output, d_mixed: d_mixed.output, d_taps: d_taps.output,
        d_pointwise: d_pointwise.output, d_bias: d_bias.output, expansion: d_expansion.arguments),
      on: self, mixed, taps, transposed, d_nodes, d_mixed, d_taps, d_pointwise, d_bias,
      d_expansion.operands)
    return (d_nodes, d_taps, d_pointwise, d_bias, d_expansion.result)
  }
}
