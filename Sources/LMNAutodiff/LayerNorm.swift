internal import LMNKernels

extension Variable {
  /// LayerNorm of every row: mean 0 and variance 1, then times gain plus bias.
  ///
  /// - Parameters:
  ///   - gain: `[E]`.
  ///   - bias: `[E]`.
  ///   - epsilon: Added to the variance.
  /// - Returns: `[M, E]` for `self` of that shape.
  public func layerNorm(gain: Variable, bias: Variable, epsilon: Float) -> Variable {
    let (x, g) = (value, gain.value)
    let (normalized, mean, scale) = x.layerNorm(gain: g, bias: bias.value, epsilon: epsilon)
    return Variable(
      normalized,
      Edge.joint([self, gain, bias]) { dy in
        let pulled = x.layerNormPullback(dy, gain: g, mean: mean, scale: scale)
        return [pulled.x, pulled.gain, pulled.bias]
      })
  }
}
