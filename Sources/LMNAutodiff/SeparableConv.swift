public import LMNKernels

extension Variable {
  /// Nodes of a part of a tree, by depthwise-separable convolution with kernel and stride r.
  ///
  /// - Parameters:
  ///   - tree: Part of a stream's tree.
  ///   - carried: Carried nodes `[C, E]`, in the order of the tree's `carriedRows`.
  ///   - taps: `[K, r + 1, E]`: per channel a factor for every child, then the bias.
  ///   - pointwise: `[K, E, E]`.
  ///   - bias: `[K, E]`.
  ///   - expansion: Expansion; nil if g is 0.
  /// - Returns: `[N, E]`; `self` are the tokens, `[L, E]`.
  public func separableConv(
    of tree: Tree, carried: Variable, taps: Variable, pointwise: Variable, bias: Variable,
    expansion: ExpansionVariables? = nil
  ) -> Variable {
    let (a, p) = (taps.value, pointwise.value)
    let grows = expansion.map { Expansion(weight: $0.weight.value, bias: $0.bias.value) }
    let (nodes, grown, mixed) = Summary.separable(taps: a, pointwise: p, bias: bias.value)
      .nodes(of: tree, tokens: value, carried: carried.value, expansion: grows)
    return Variable(
      nodes,
      Edge.joint([self, carried, taps, pointwise, bias] + inputs(of: expansion)) {
        [rows = carried.carriedRows(of: tree)] dy in
        let pulled = nodes.separableConvPullback(
          dy, of: tree, grown: grown, mixed: mixed, taps: a, pointwise: p, expansion: grows)
        return [
          pulled.nodes.rows(tree.tokenRows), pulled.nodes.rows(at: rows), pulled.taps,
          pulled.pointwise, pulled.bias,
        ] + (grows == nil ? [] : [pulled.expansion.weight, pulled.expansion.bias])
      })
  }
}
