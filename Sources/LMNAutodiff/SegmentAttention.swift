public import LMNKernels

extension Variable {
  /// Softmax attention of L queries within segments of S tokens: to the k slots of the query's
  /// segment, and to tokens of the segment, with a bias by distance.
  ///
  /// - Parameters:
  ///   - slots: `[G · k, 2E]`: key and value of each slot, G being the number of segments.
  ///   - tokens: `[C + L, 2E]`: key and value of each token; the first C have no query.
  ///     Nil for attention to slots alone.
  ///   - bias: `[H, S]`, or `[H, 2S − 1]` if the attention is not causal; nil without tokens.
  ///   - shape: Heads and sizes.
  /// - Returns: `[L, E]` for `self` of that shape.
  public func segmentAttention(
    slots: Variable, tokens: Variable?, bias: Variable?, _ shape: SegmentAttentionShape
  ) -> Variable {
    let (queries, s, t, b) = (value, slots.value, tokens?.value, bias?.value)
    let (output, logNormalizer) = queries.segmentAttention(slots: s, tokens: t, bias: b, shape)
    return Variable(
      output,
      Edge.joint([self, slots] + [tokens, bias].compactMap(\.self)) { dy in
        let pulled = queries.segmentAttentionPullback(
          dy, slots: s, tokens: t, bias: b, output: output, logNormalizer: logNormalizer, shape)
        return [pulled.queries, pulled.slots] + [pulled.tokens, pulled.bias].compactMap(\.self)
      })
  }
}
