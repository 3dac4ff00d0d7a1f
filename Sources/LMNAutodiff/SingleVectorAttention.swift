public import LMNKernels

extension Variable {
  /// Single-vector attention: a query and a value per slot, one key per position.
  ///
  /// - Parameters:
  ///   - keys: `[L, E]`.
  ///   - tree: Part of a stream's tree to whose slots positions attend.
  ///   - heads: A divisor of E.
  ///   - levelBias: `[maximumLevels + 1, heads]`, added to the scores, a row per level; nil for
  ///     none.
  ///   - tokenAttentions: Further tokens to which positions attend, each with gates `[R]` added to
  ///     the scores of its tokens, or nil, and with a bias `[X, heads]` added to those of its
  ///     places, or nil.
  /// - Returns: `[L, E]` for `self` of `[≥ N, 2E]`: query, then value, of each slot.
  public func singleVectorAttention(
    keys: Variable, of tree: Tree, heads: Int, levelBias: Variable? = nil,
    beside tokenAttentions: [(tokenAttention: TokenAttention, gates: Variable?, bias: Variable?)] =
      []
  ) -> Variable {
    let (slots, k) = (value, keys.value)
    let view = AttentionView(
      of: tree, heads: heads, levelBias: levelBias?.value,
      beside: tokenAttentions.map { ($0.tokenAttention, $0.gates?.value, $0.bias?.value) })
    let (output, logNormalizer) = slots.singleVectorAttention(keys: k, seeing: view)
    return Variable(
      output,
      Edge.joint(
        [self, keys] + [levelBias].compactMap { $0 } + tokenAttentions.compactMap(\.gates)
          + tokenAttentions.compactMap(\.bias)
      ) { dy in
        let pulled = slots.singleVectorAttentionPullback(
          dy, keys: k, output: output, logNormalizer: logNormalizer, seeing: view)
        return [pulled.slots, pulled.keys] + [pulled.levelBias].compactMap { $0 }
          + pulled.gates.compactMap { $0 } + pulled.placeBiases.compactMap { $0 }
      })
  }
}
