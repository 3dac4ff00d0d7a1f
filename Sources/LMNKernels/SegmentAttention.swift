internal import CLMN

/// Shape of attention within segments.
public struct SegmentAttentionShape: Sendable {
  /// H, a divisor of the width E; head h has features h·E/H ..< (h + 1)·E/H.
  public let heads: Int
  /// S: tokens of a segment, at most ``mostTokens``.
  public let segment: Int
  /// k: slots of a segment.
  public let slots: Int
  /// Whether a query attends to tokens up to its own only.
  public let isCausal: Bool

  /// Largest number of tokens of a segment.
  public static let mostTokens = Int(LMN_MOST_SEGMENT)

  /// A shape with the given sizes.
  public init(heads: Int, segment: Int, slots: Int, isCausal: Bool = true) {
    (self.heads, self.segment, self.slots) = (heads, segment, slots)
    self.isCausal = isCausal
  }

  /// Biases of a head: one per distance, with a sign unless the attention is causal.
  public var distances: Int { isCausal ? segment : 2 * segment - 1 }

  func scale(width: Int) -> Float { 1 / Float(width / heads).squareRoot() }

  func accepts(width: Int) -> Bool {
    heads > 0 && width.isMultiple(of: heads) && width / heads <= CausalAttentionShape.mostHeadWidth
      && (1...Self.mostTokens).contains(segment) && slots >= 0
  }
}

extension Tensor {
  /// Softmax attention of L queries within segments of S tokens: to the k slots of the query's
  /// segment, and to tokens of the segment, with a bias by distance.
  ///
  /// Query t is that of token C + t, counted from the beginning of the first segment; C tokens have
  /// no query. For token i of its segment, per head:
  ///
  ///     score of a slot  = query · key / √D
  ///     score of token j = query · key / √D + bias[i − j]        (not causal: bias[j − i + S − 1])
  ///     output           = Σ softmax(score) value
  ///
  /// - Parameters:
  ///   - slots: `[G · k, 2E]`: key and value of each slot, G being the number of segments.
  ///   - tokens: `[C + L, 2E]`: key and value of each token; nil for attention to slots alone.
  ///   - bias: `[H, S]`, or `[H, 2S − 1]` if the attention is not causal; nil without tokens.
  ///   - shape: Heads and sizes.
  /// - Returns: `output` `[L, E]` and `logNormalizer` `[L, H]`, for `self` of `[L, E]`.
  public func segmentAttention(
    slots: Tensor, tokens: Tensor?, bias: Tensor?, _ shape: SegmentAttentionShape
  ) -> (output: Tensor, logNormalizer: Tensor) {
    let (length, width) = (self.shape[0], self.shape[1])
    expectSegments(slots: slots, tokens: tokens, bias: bias, shape)
    let output = Tensor(uninitialized: [length, width])
    let logNormalizer = Tensor(uninitialized: [length, shape.heads])
    ExecutionContext.current.run(
      lmn_segment_attention_forward,
      lmn_segment_attention(
        length: length, before: tokens.map { $0.shape[0] - length } ?? 0, segment: shape.segment,
        slots: shape.slots, width: width, heads: shape.heads, is_causal: shape.isCausal,
        scale: shape.scale(width: width), counts: nil, queries: base, slot_kv: slots.base,
        token_kv: tokens?.base, bias: bias?.base, output: output.output,
        log_normalizer: logNormalizer.output),
      on: self, slots, tokens, bias, output, logNormalizer)
    return (output, logNormalizer)
  }

  private func expectSegments(
    slots: Tensor, tokens: Tensor?, bias: Tensor?, _ shape: SegmentAttentionShape
  ) {
    let (length, width) = (self.shape[0], self.shape[1])
    let rows = tokens?.shape[0] ?? length
    let segments = (rows + shape.segment - 1) / max(shape.segment, 1)
    precondition(
      self.shape.count == 2 && shape.accepts(width: width)
        && (length..<length + shape.segment).contains(rows)
        && tokens.map { $0.shape == [rows, 2 * width] } ?? true
        && slots.shape == [segments * shape.slots, 2 * width]
        && bias?.shape == (tokens == nil ? nil : [shape.heads, shape.distances]),
      "segmentAttention: \(self.shape), slots \(slots.shape), tokens \(tokens?.shape ?? []), "
        + "bias \(bias?.shape ?? []), \(shape)")
  }

  /// Pullback of ``segmentAttention(slots:tokens:bias:_:)``: the cotangents of its inputs given that
  /// of the output.
  ///
  /// - Parameters:
  ///   - cotangent: `[L, E]`.
  ///   - slots: `[G · k, 2E]`.
  ///   - tokens: `[C + L, 2E]`, or nil.
  ///   - bias: `[H, S]`, or `[H, 2S − 1]` if the attention is not causal; or nil.
  ///   - output: As returned by the forward operation.
  ///   - logNormalizer: As returned by the forward operation.
  ///   - shape: As given to the forward operation.
  /// - Returns: Cotangents of `self`, `slots`, `tokens` and `bias`, of their shapes.
  public func segmentAttentionPullback(
    _ cotangent: Tensor, slots: Tensor, tokens: Tensor?, bias: Tensor?, output: Tensor,
    logNormalizer: Tensor, _ shape: SegmentAttentionShape
  ) -> (queries: Tensor, slots: Tensor, tokens: Tensor?, bias: Tensor?) {
    precondition(
      cotangent.shape == output.shape,
      "segmentAttentionPullback: \(cotangent.shape) of \(output.shape)")
    let (length, width) = (self.shape[0], self.shape[1])
    let results = (
      queries: Tensor(uninitialized: self.shape), slots: Tensor(uninitialized: slots.shape),
      tokens: tokens.map { Tensor(uninitialized: $0.shape) },
      bias: bias.map { Tensor(uninitialized: $0.shape) }
    )
    ExecutionContext.current.run(
      lmn_segment_attention_backward,
      lmn_segment_attention_grad(
        length: length, before: tokens.map { $0.shape[0] - length } ?? 0, segment: shape.segment,
        slots: shape.slots, width: width, heads: shape.heads, is_causal: shape.isCausal,
        scale: shape.scale(width: width), counts: nil, queries: base, slot_kv: slots.base,
        token_kv: tokens?.base, bias: bias?.base, output: output.base,
        log_normalizer: logNormalizer.base, d_output: cotangent.base,
        d_queries: results.queries.output, d_slot_kv: results.slots.output,
        d_token_kv: results.tokens?.output, d_bias: results.bias?.output),
      on: self, slots, tokens, bias, output, logNormalizer, cotangent, results.queries,
      results.slots, results.tokens, results.bias)
    return results
  }
}
