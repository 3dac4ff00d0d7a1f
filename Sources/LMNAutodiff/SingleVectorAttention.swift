public import LMNKernels

extension Variable {
  /// Single-vector attention: every position's key answers the queries of the nodes it sees.
  ///
  /// - Parameters:
  ///   - keys: `[L, E]`.
  ///   - tree: Which part of a stream's tree the slots are.
  ///   - heads: A divisor of E.
  /// - Returns: `[L, E]` for `self` of `[N, 2E]`: query and value of each node side by side.
  public func singleVectorAttention(keys: Variable, of tree: Tree, heads: Int) -> Variable {
    let (slots, k) = (value, keys.value)
    let (output, logNormalizer) = slots.singleVectorAttention(keys: k, of: tree, heads: heads)
    return Variable(
      output,
      Edge.joint([self, keys]) { dy in
        let pulled = slots.singleVectorAttentionPullback(
          dy, keys: k, output: output, logNormalizer: logNormalizer, of: tree)
        return [pulled.slots, pulled.keys]
      })
  }
}
