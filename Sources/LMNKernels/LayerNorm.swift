internal import CLMN

extension Tensor {
  /// LayerNorm of every row (arXiv 1607.06450).
  ///
  ///     normalized = (x − mean) · scale · gain + bias,  scale = 1 / √(variance + epsilon)
  ///
  /// - Parameters:
  ///   - gain: `[E]`.
  ///   - bias: `[E]`.
  ///   - epsilon: Added to the variance.
  /// - Returns: `normalized` `[M, E]`, `mean` and `scale` `[M]`, for `self` of `[M, E]`.
  public func layerNorm(
    gain: Tensor, bias: Tensor, epsilon: Float
  ) -> (normalized: Tensor, mean: Tensor, scale: Tensor) {
    precondition(
      shape.count == 2 && gain.shape == [shape[1]] && bias.shape == gain.shape,
      "layerNorm: gain \(gain.shape) and bias \(bias.shape) of \(shape)")
    let normalized = Tensor(uninitialized: shape)
    let mean = Tensor(uninitialized: [shape[0]])
    let scale = Tensor(uninitialized: [shape[0]])
    ExecutionContext.current.run(
      lmn_layer_norm_forward,
      lmn_layer_norm(
        rows: shape[0], width: shape[1], epsilon: epsilon, x: base, gain: gain.base,
        bias: bias.base, normalized: normalized.output, mean: mean.output, scale: scale.output),
      on: self, gain, bias, normalized, mean, scale)
    return (normalized, mean, scale)
  }

  /// Pullback of ``layerNorm(gain:bias:epsilon:)``: the cotangents of `self`, gain and bias given
  /// that of the result.
  ///
  /// - Parameters:
  ///   - cotangent: `[M, E]`.
  ///   - gain: `[E]`.
  ///   - mean: As returned by the forward operation.
  ///   - scale: As returned by the forward operation.
  /// - Returns: `x` `[M, E]`, `gain` and `bias` `[E]`.
  public func layerNormPullback(
    _ cotangent: Tensor, gain: Tensor, mean: Tensor, scale: Tensor
  ) -> (x: Tensor, gain: Tensor, bias: Tensor) {
    precondition(cotangent.shape == shape, "layerNormPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    let d_gain = Tensor(uninitialized: gain.shape)
    let d_bias = Tensor(uninitialized: gain.shape)
    ExecutionContext.current.run(
      lmn_layer_norm_backward,
      lmn_layer_norm_grad(
        rows: shape[0], width: shape[1], x: base, gain: gain.base, mean: mean.base,
        scale: scale.base, d_normalized: cotangent.base, d_x: d_x.output, d_gain: d_gain.output,
        d_bias: d_bias.output),
      on: self, gain, mean, scale, cotangent, d_x, d_gain, d_bias)
    return (d_x, d_gain, d_bias)
  }
}
