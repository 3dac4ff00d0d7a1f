internal import CLMN

extension Tensor {
  /// Log-decay of every head: `−exp(logRate) · softplus(x + bias)` (arXiv 2412.06464).
  ///
  /// - Parameters:
  ///   - logRate: `[H]`.
  ///   - bias: `[H]`.
  /// - Returns: `[M, H]`, none above 0, for `self` of that shape.
  public func headDecay(logRate: Tensor, bias: Tensor) -> Tensor {
    precondition(
      shape.count == 2 && logRate.shape == [shape[1]] && bias.shape == [shape[1]],
      "headDecay: rates \(logRate.shape) and bias \(bias.shape) of \(shape)")
    let decay = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_head_decay_forward,
      lmn_head_decay(
        rows: shape[0], heads: shape[1], x: base, log_rate: logRate.base, bias: bias.base,
        decay: decay.output),
      on: self, logRate, bias, decay)
    return decay
  }

  /// Pullback of ``headDecay(logRate:bias:)``: cotangents of `self`, rates and bias.
  ///
  /// - Parameters:
  ///   - cotangent: `[M, H]`.
  ///   - logRate: `[H]`.
  ///   - bias: `[H]`.
  ///   - decay: As returned by the forward operation.
  /// - Returns: `x` `[M, H]`, `logRate` `[H]` and `bias` `[H]`.
  public func headDecayPullback(
    _ cotangent: Tensor, logRate: Tensor, bias: Tensor, decay: Tensor
  ) -> (x: Tensor, logRate: Tensor, bias: Tensor) {
    precondition(cotangent.shape == shape, "headDecayPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    let (d_rate, d_bias) = (
      Tensor(uninitialized: logRate.shape), Tensor(uninitialized: bias.shape)
    )
    ExecutionContext.current.run(
      lmn_head_decay_backward,
      lmn_head_decay_grad(
        rows: shape[0], heads: shape[1], x: base, log_rate: logRate.base, bias: bias.base,
        decay: decay.base, d_decay: cotangent.base, d_x: d_x.output, d_log_rate: d_rate.output,
        d_bias: d_bias.output),
      on: self, logRate, bias, decay, cotangent, d_x, d_rate, d_bias)
    return (d_x, d_rate, d_bias)
  }
}
