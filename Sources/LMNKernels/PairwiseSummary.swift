internal import CLMN

extension Tensor {
  /// A tree's nodes, from its tokens and carried nodes, by affine summaries of pairs.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - weight: `[K, 2E, E]`; the upper E rows multiply the left child.
  ///   - bias: `[K, E]`.
  /// - Returns: `[N, E]` for `self` of that shape, which holds the tokens and the carried nodes in
  ///   their rows; what stands in the other rows does not matter.
  public func pairwiseSummary(of tree: Tree, weight: Tensor, bias: Tensor) -> Tensor {
    let width = shape[1]
    precondition(
      shape == [tree.rowCount, width] && weight.shape == [tree.banks, 2 * width, width]
        && bias.shape == [tree.banks, width],
      "pairwiseSummary: nodes \(shape), weight \(weight.shape), bias \(bias.shape), \(tree)")
    var nodes = self
    nodes.withMutableScalars { nodes in
      withExtendedLifetime((weight, bias)) {
        var arguments = lmn_pairwise_summary(
          tree: tree.layout, width: width, weight: weight.base, bias: bias.base, nodes: nodes)
        lmn_pairwise_summary_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
    return nodes
  }

  /// What the cotangent of a tree's nodes gives to its tokens, weight and bias.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of every node by itself.
  ///   - tree: Which part of a stream's tree this is.
  ///   - weight: `[K, 2E, E]`.
  /// - Returns: `nodes` `[N, E]`, of which the rows of level 0 are the tokens' cotangents, `weight`
  ///   and `bias`, for `self` of shape `[N, E]` as ``pairwiseSummary(of:weight:bias:)`` made it.
  public func pairwiseSummaryPullback(
    _ cotangent: Tensor, of tree: Tree, weight: Tensor
  ) -> (nodes: Tensor, weight: Tensor, bias: Tensor) {
    precondition(
      cotangent.shape == shape, "pairwiseSummaryPullback: \(cotangent.shape) of nodes \(shape)")
    let width = shape[1]
    let transposed = weight.transposed
    var nodes = cotangent
    let d_weight = Tensor(uninitialized: weight.shape)
    let d_bias = Tensor(uninitialized: [tree.banks, width])
    nodes.withMutableScalars { d_nodes in
      withExtendedLifetime((self, transposed, d_weight, d_bias)) {
        var arguments = lmn_pairwise_summary_grad(
          tree: tree.layout, width: width, nodes: base, weight_transposed: transposed.base,
          d_nodes: d_nodes, d_weight: d_weight.output, d_bias: d_bias.output)
        lmn_pairwise_summary_backward(ExecutionContext.current.kernels, &arguments)
      }
    }
    return (nodes, d_weight, d_bias)
  }
}
