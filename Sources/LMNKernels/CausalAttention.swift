internal import CLMN

/// Shape of causal attention.
public struct CausalAttentionShape: Sendable {
  /// H, a divisor of the width E; head h has features h·E/H ..< (h + 1)·E/H.
  public let heads: Int
  /// w: tokens before its own that a token attends to; nil for all.
  public let window: Int?
  /// Factor of the scores.
  public let scale: Float

  /// A shape with the given values.
  public init(heads: Int, window: Int?, scale: Float) {
    (self.heads, self.window, self.scale) = (heads, window, scale)
  }

  /// Largest width of a head.
  public static let mostHeadWidth = Int(LMN_MOST_HEAD_WIDTH)

  var kernelWindow: Int { window ?? .max }

  func accepts(width: Int) -> Bool {
    heads > 0 && width.isMultiple(of: heads) && width / heads <= Self.mostHeadWidth
      && window ?? 0 >= 0
  }
}

extension Tensor {
  /// Causal softmax attention of a chunk of L tokens to themselves, to earlier tokens of the chunk
  /// and to C tokens before it.
  ///
  /// Per head, with s from t − w to t:
  ///
  ///     output[t] = Σₛ softmax(scale · query[t] · key[s]) value[s]
  ///
  /// - Parameters:
  ///   - keys: `[C, E]`, of the tokens directly before the chunk.
  ///   - values: `[C, E]`.
  ///   - shape: Heads, window and scale.
  /// - Returns: `output` `[L, E]` and `logNormalizer` `[L, H]`, for `self` of `[L, 3E]`: query, key
  ///   and value of each token.
  public func causalAttention(
    after keys: Tensor, _ values: Tensor, _ shape: CausalAttentionShape
  ) -> (output: Tensor, logNormalizer: Tensor) {
    let width = keys.shape[1]
    precondition(
      self.shape.count == 2 && self.shape[1] == 3 * width && values.shape == keys.shape
        && shape.accepts(width: width),
      "causalAttention: \(self.shape) after \(keys.shape) and \(values.shape), \(shape)")
    let output = Tensor(uninitialized: [self.shape[0], width])
    let logNormalizer = Tensor(uninitialized: [self.shape[0], shape.heads])
    ExecutionContext.current.run(
      lmn_causal_attention_forward,
      lmn_causal_attention(
        length: self.shape[0], width: width, heads: shape.heads, before: keys.shape[0],
        window: shape.kernelWindow, scale: shape.scale, qkv: base,
        keys_before: keys.base, values_before: values.base, output: output.output,
        log_normalizer: logNormalizer.output),
      on: self, keys, values, output, logNormalizer)
    return (output, logNormalizer)
  }

  /// Pullback of ``causalAttention(after:_:_:)``: the cotangents of its inputs given that of the
  /// output.
  ///
  /// - Parameters:
  ///   - cotangent: `[L, E]`.
  ///   - keys: `[C, E]`.
  ///   - values: `[C, E]`.
  ///   - output: As returned by the forward operation.
  ///   - logNormalizer: As returned by the forward operation.
  ///   - shape: As given to the forward operation.
  ///   - reachesBack: Whether the cotangents of `keys` and `values` are computed.
  /// - Returns: `qkv`, of the shape of `self`, and `before`, those of `keys` and `values`.
  public func causalAttentionPullback(
    _ cotangent: Tensor, after keys: Tensor, _ values: Tensor, output: Tensor,
    logNormalizer: Tensor, _ shape: CausalAttentionShape, reachingBack reachesBack: Bool
  ) -> (qkv: Tensor, before: [Tensor]) {
    precondition(
      cotangent.shape == output.shape,
      "causalAttentionPullback: \(cotangent.shape) of \(output.shape)")
    let d_qkv = Tensor(uninitialized: self.shape)
    let before = reachesBack ? [keys, values].map { Tensor(uninitialized: $0.shape) } : []
    ExecutionContext.current.run(
      lmn_causal_attention_backward,
      lmn_causal_attention_grad(
        length: self.shape[0], width: keys.shape[1], heads: shape.heads, before: keys.shape[0],
        window: shape.kernelWindow, scale: shape.scale, qkv: base,
        keys_before: keys.base, values_before: values.base, output: output.base,
        log_normalizer: logNormalizer.base, d_output: cotangent.base, d_qkv: d_qkv.output,
        d_keys_before: before.first?.output, d_values_before: before.last?.output),
      on: self, keys, values, output, logNormalizer, cotangent, d_qkv, before)
    return (d_qkv, before)
  }
}
