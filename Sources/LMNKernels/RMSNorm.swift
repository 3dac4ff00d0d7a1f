internal import CLMN

extension Tensor {
  /// RMSNorm of every row (arXiv 1910.07467).
  ///
  ///     normalized = x · scale · gain,  scale = 1 / √(mean(x²) + epsilon)
  ///
  /// - Parameters:
  ///   - gain: `[E]`; nil for ones.
  ///   - epsilon: Added to the mean square.
  /// - Returns: `normalized` `[M, E]` and `scale` `[M]`, for `self` of `[M, E]`.
  public func rmsNorm(gain: Tensor?, epsilon: Float) -> (normalized: Tensor, scale: Tensor) {
    precondition(
      shape.count == 2 && gain.map { $0.shape == [shape[1]] } ?? true,
      "rmsNorm: gain \(gain?.shape ?? []) of \(shape)")
    let normalized = Tensor(uninitialized: shape)
    let scale = Tensor(uninitialized: [shape[0]])
    ExecutionContext.current.run(
      lmn_rms_norm_forward,
      lmn_rms_norm(
        rows: shape[0], width: shape[1], epsilon: epsilon, x: base, gain: gain?.base,
        normalized: normalized.output, scale: scale.output),
      on: self, gain, normalized, scale)
    return (normalized, scale)
  }

  /// Pullback of ``rmsNorm(gain:epsilon:)``: the cotangents of `self` and gain given that of the
  /// result.
  ///
  /// - Parameters:
  ///   - cotangent: `[M, E]`.
  ///   - gain: `[E]`, or nil.
  ///   - scale: As returned by the forward operation.
  /// - Returns: `x` `[M, E]` and `gain` `[E]`, nil without a gain.
  public func rmsNormPullback(
    _ cotangent: Tensor, gain: Tensor?, scale: Tensor
  ) -> (x: Tensor, gain: Tensor?) {
    precondition(cotangent.shape == shape, "rmsNormPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    let d_gain = gain.map { Tensor(uninitialized: $0.shape) }
    ExecutionContext.current.run(
      lmn_rms_norm_backward,
      lmn_rms_norm_grad(
        rows: shape[0], width: shape[1], x: base, gain: gain?.base, scale: scale.base,
        d_normalized: cotangent.base, d_x: d_x.output, d_gain: d_gain?.output),
      on: self, gain, scale, cotangent, d_x, d_gain)
    return (d_x, d_gain)
  }
}
