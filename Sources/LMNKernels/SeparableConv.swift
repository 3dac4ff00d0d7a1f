internal import CLMN

extension Tensor {
  /// Pullback of ``Summary/nodes(of:tokens:carried:expansion:)`` for depthwise-separable
  /// convolutions.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of the nodes, without the contributions through their parents.
  ///   - tree: Part of a stream's tree.
  ///   - grown: As returned by ``Summary/nodes(of:tokens:carried:expansion:)``.
  ///   - mixed: As returned by the forward operation.
  ///   - taps: `[K, r + 1, E]`.
  ///   - pointwise: `[K, E, E]`.
  ///   - expansion: As given to the forward operation.
  /// - Returns: Cotangents of the nodes `[N, E]`, whose rows of tokens and carried nodes are those
  ///   of the inputs, and of taps, pointwise, bias and expansion; `self` are the nodes, `[N, E]`.
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
