public import LMNKernels

extension Variable {
  /// Single-vector attention: every position's key answers the queries of the slots it sees.
  ///
  /// - Parameters:
  ///   - keys: `[L, E]`.
  ///   - tree: Which part of a stream's tree the slots are.
  ///   - heads: A divisor of E.
  ///   - levelBias: `[levels, heads]`, added to the scores; or nil.
  ///   - tokenAttentions: Tokens that are seen beside the tree, and for each of them gates `[R]` that are
  ///     added to its scores; or nil.
  /// - Returns: `[L, E]` for `self` of `[≥ N, 2E]`: query and value of each slot side by side.
  public func singleVectorAttention(
    keys: Variable, of tree: Tree, heads: Int, levelBias: Variable? = nil,
    beside tokenAttentions: [(tokenAttention: TokenAttention, gates: Variable?)] = []
  ) -> Variable {
    let (slots, k) = (value, keys.value)
    let view = AttentionView(
      of: tree, heads: heads, levelBias: levelBias?.value,
      beside: tokenAttentions.map { ($0.tokenAttention, $0.gates?.value) })
    let (output, logNormalizer) = slots.singleVectorAttention(keys: k, seeing: view)
    return Variable(
      output,
      Edge.joint(
        [self, keys] + [levelBias].compactMap { $0 } + tokenAttentions.compactMap(\.gates)
      ) { dy in
        let pulled = slots.singleVectorAttentionPullback(
          dy, keys: k, output: output, logNormalizer: logNormalizer, seeing: view)
        return [pulled.slots, pulled.keys] + [pulled.levelBias].compactMap { $0 }
          + pulled.gates.compactMap { $0 }
      })
  }
}
