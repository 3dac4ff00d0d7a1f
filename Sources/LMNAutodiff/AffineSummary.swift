public import LMNKernels

/// Parameters of an expansion: weight `[1 + g, E, E]` and bias `[E]`.
public typealias ExpansionVariables = (weight: Variable, bias: Variable)

extension Variable {
  /// Nodes of a part of a tree, each an affine map of its children.
  ///
  /// - Parameters:
  ///   - tree: Part of a stream's tree.
  ///   - carried: Carried nodes `[C, E]`, in the order of the tree's `carriedRows`.
  ///   - weight: `[KJ, rE, E]`, E rows per child, for every bank and each of the J banks, 1 or all,
  ///     whose children it combines.
  ///   - bias: `[K, E]`.
  ///   - expansion: Expansion; nil if g is 0.
  /// - Returns: `[N, E]`; `self` are the tokens, `[L, E]`.
  public func affineSummary(
    of tree: Tree, carried: Variable, weight: Variable, bias: Variable,
    expansion: ExpansionVariables? = nil
  ) -> Variable {
    let w = weight.value
    let grows = expansion.map { Expansion(weight: $0.weight.value, bias: $0.bias.value) }
    let (nodes, grown, _) = Summary.affine(weight: w, bias: bias.value)
      .nodes(of: tree, tokens: value, carried: carried.value, expansion: grows)
    return Variable(
      nodes,
      Edge.joint([self, carried, weight, bias] + inputs(of: expansion)) {
        [rows = carried.carriedRows(of: tree)] dy in
        let pulled = nodes.affineSummaryPullback(
          dy, of: tree, grown: grown, weight: w, expansion: grows)
        return [
          pulled.nodes.rows(tree.tokenRows), pulled.nodes.rows(at: rows), pulled.weight,
          pulled.bias,
        ] + (grows == nil ? [] : [pulled.expansion.weight, pulled.expansion.bias])
      })
  }

  /// Rows of the cotangents of the carried nodes; none if `self` is a constant.
  func carriedRows(of tree: Tree) -> [Int] { source == nil ? [] : tree.carriedRows }
}

/// Inputs of an expansion; none for nil.
func inputs(of expansion: ExpansionVariables?) -> [Variable] {
  expansion.map { [$0.weight, $0.bias] } ?? []
}
