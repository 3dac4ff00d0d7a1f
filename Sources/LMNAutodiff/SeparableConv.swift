public import LMNKernels

extension Variable {
  /// A tree's nodes by depthwise-separable convolution with kernel 2 and stride 2.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - carried: The carried nodes `[C, E]` in the order of the tree's `carriedRows`; no gradient
  ///     flows into them.
  ///   - taps: `[K, 3, E]`: per channel the factors of left and right child, and the bias.
  ///   - pointwise: `[K, E, E]`.
  ///   - bias: `[K, E]`.
  /// - Returns: `[N, E]` for `self` of `[L, E]`, the tokens.
  public func separableConv(
    of tree: Tree, carried: Tensor, taps: Variable, pointwise: Variable, bias: Variable
  ) -> Variable {
    let (a, p) = (taps.value, pointwise.value)
    let (nodes, mixed) = value.separableConv(
      of: tree, carried: carried, taps: a, pointwise: p, bias: bias.value)
    return Variable(
      nodes,
      Edge.joint([self, taps, pointwise, bias]) { dy in
        let pulled = nodes.separableConvPullback(dy, of: tree, mixed: mixed, taps: a, pointwise: p)
        return [pulled.nodes.rows(tree.tokenRows), pulled.taps, pulled.pointwise, pulled.bias]
      })
  }
}
