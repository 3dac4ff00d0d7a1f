public import LMNKernels

extension Variable {
  /// Causal softmax attention of a chunk of L tokens to themselves, to earlier tokens of the chunk
  /// and to C tokens before it.
  ///
  /// - Parameters:
  ///   - keys: `[C, E]`, of the tokens directly before the chunk.
  ///   - values: `[C, E]`.
  ///   - shape: Heads, window and scale.
  /// - Returns: `[L, E]` for `self` of `[L, 3E]`: query, key and value of each token.
  public func causalAttention(
    after keys: Variable, _ values: Variable, _ shape: CausalAttentionShape
  ) -> Variable {
    let (qkv, k, v) = (value, keys.value, values.value)
    let (output, logNormalizer) = qkv.causalAttention(after: k, v, shape)
    // Without gradients of the tokens before, their pullback is most of the work of a short chunk.
    let reachesBack = keys.source != nil || values.source != nil
    return Variable(
      output,
      Edge.joint([self] + (reachesBack ? [keys, values] : [])) { dy in
        let pulled = qkv.causalAttentionPullback(
          dy, after: k, v, output: output, logNormalizer: logNormalizer, shape,
          reachingBack: reachesBack)
        return [pulled.qkv] + pulled.before
      })
  }
}
