internal import CLMN

extension Tensor {
  /// A tree's nodes by affine summaries of pairs.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - carried: `[C, E]`, in the order of the tree's ``Tree/carriedRows``.
  ///   - weight: `[K, 2E, E]`; the upper E rows multiply the left child.
  ///   - bias: `[K, E]`.
  /// - Returns: `[N, E]` for `self` of `[L, E]`, the tokens.
  public func pairwiseSummary(
    of tree: Tree, carried: Tensor, weight: Tensor, bias: Tensor
  ) -> Tensor {
    let width = shape[1]
    precondition(
      weight.shape == [tree.banks, 2 * width, width] && bias.shape == [tree.banks, width],
      "pairwiseSummary: tokens \(shape), weight \(weight.shape), bias \(bias.shape), \(tree)")
    let nodes = unfinishedNodes(of: tree, carried: carried)
    ExecutionContext.current.run(
      lmn_pairwise_summary_forward,
      lmn_pairwise_summary(
        tree: tree.layout, width: width, weight: weight.base, bias: bias.base,
        nodes: nodes.output),
      on: weight, bias, nodes)
    return nodes
  }

  /// Makes the new nodes of some levels in place, for `self` of `[N, E]` with everything below.
  func writePairwiseSummaries(
    of tree: Tree, levels: ClosedRange<Int>, weight: Tensor, bias: Tensor
  ) {
    let arguments = lmn_pairwise_summary(
      tree: tree.layout, width: shape[1], weight: weight.base, bias: bias.base, nodes: output)
    ExecutionContext.current.run(on: self, weight, bias) { kernels in
      withUnsafePointer(to: arguments) { arguments in
        for level in levels {
          lmn_pairwise_summary_pairs_forward(
            kernels, arguments, lmn_tree_pairs_at(tree.layout, level))
        }
      }
    }
  }

  /// What the cotangent of a tree's nodes gives to its tokens, weight and bias.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of every node by itself.
  ///   - tree: Which part of a stream's tree this is.
  ///   - weight: `[K, 2E, E]`.
  /// - Returns: `nodes` `[N, E]`, of which the rows of level 0 are the tokens' cotangents, `weight`
  ///   and `bias`, for `self` of shape `[N, E]` as ``pairwiseSummary(of:carried:weight:bias:)`` made it.
  public func pairwiseSummaryPullback(
    _ cotangent: Tensor, of tree: Tree, weight: Tensor
  ) -> (nodes: Tensor, weight: Tensor, bias: Tensor) {
    precondition(
      cotangent.shape == shape, "pairwiseSummaryPullback: \(cotangent.shape) of nodes \(shape)")
    let width = shape[1]
    let transposed = weight.transposed
    let d_nodes = cotangent.copied()
    let d_weight = Tensor(uninitialized: weight.shape)
    let d_bias = Tensor(uninitialized: [tree.banks, width])
    ExecutionContext.current.run(
      lmn_pairwise_summary_backward,
      lmn_pairwise_summary_grad(
        tree: tree.layout, width: width, nodes: base, weight_transposed: transposed.base,
        d_nodes: d_nodes.output, d_weight: d_weight.output, d_bias: d_bias.output),
      on: self, transposed, d_nodes, d_weight, d_bias)
    return (d_nodes, d_weight, d_bias)
  }
}
