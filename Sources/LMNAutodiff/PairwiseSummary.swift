public import LMNKernels

extension Variable {
  /// A tree's nodes by affine summaries of pairs.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - carried: The carried nodes `[C, E]` in the order of the tree's `carriedRows`; no gradient
  ///     flows into them.
  ///   - weight: `[K, 2E, E]`; the upper E rows multiply the left child.
  ///   - bias: `[K, E]`.
  /// - Returns: `[N, E]` for `self` of `[L, E]`, the tokens.
  public func pairwiseSummary(
    of tree: Tree, carried: Tensor, weight: Variable, bias: Variable
  ) -> Variable {
    let w = weight.value
    let nodes = value.pairwiseSummary(of: tree, carried: carried, weight: w, bias: bias.value)
    return Variable(
      nodes,
      Edge.joint([self, weight, bias]) { dy in
        let pulled = nodes.pairwiseSummaryPullback(dy, of: tree, weight: w)
        return [pulled.nodes.rows(tree.tokenRows), pulled.weight, pulled.bias]
      })
  }
}
