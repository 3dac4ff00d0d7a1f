internal import LMNKernels

extension Variable {
  /// Log-decay of every head: `−exp(logRate) · softplus(x + bias)`.
  ///
  /// - Parameters:
  ///   - logRate: `[H]`.
  ///   - bias: `[H]`.
  /// - Returns: `[M, H]` for `self` of that shape.
  public func headDecay(logRate: Variable, bias: Variable) -> Variable {
    let (x, rate, shift) = (value, logRate.value, bias.value)
    let decay = x.headDecay(logRate: rate, bias: shift)
    return Variable(
      decay,
      Edge.joint([self, logRate, bias]) { dy in
        let pulled = x.headDecayPullback(dy, logRate: rate, bias: shift, decay: decay)
        return [pulled.x, pulled.logRate, pulled.bias]
      })
  }
}
