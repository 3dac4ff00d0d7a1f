internal import LMNKernels

extension Variable {
  /// RMSNorm of every row: divided by its root mean square, then times gain.
  ///
  /// - Parameters:
  ///   - gain: `[E]`; nil for ones.
  ///   - epsilon: Added to the mean square.
  /// - Returns: `[M, E]` for `self` of that shape.
  public func rmsNorm(gain: Variable?, epsilon: Float) -> Variable {
    let (x, g) = (value, gain?.value)
    let (normalized, scale) = x.rmsNorm(gain: g, epsilon: epsilon)
    return Variable(
      normalized,
      Edge.joint([self] + (gain.map { [$0] } ?? [])) { dy in
        let pulled = x.rmsNormPullback(dy, gain: g, scale: scale)
        return [pulled.x] + (pulled.gain.map { [$0] } ?? [])
      })
  }
}
