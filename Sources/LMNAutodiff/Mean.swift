public import LMNKernels

extension Variable {
  /// Mean of all values, or of those with a target: shape `[1]`.
  ///
  /// - Parameter targets: One per value, negative for values without a target; nil for all values.
  /// - Returns: The mean; 0 if no value has a target.
  public func mean(overTargets targets: TokenBuffer? = nil) -> Variable {
    let shape = value.shape
    return Variable(
      value.mean(overTargets: targets),
      edge { dy in dy.meanPullback(shape: shape, overTargets: targets) })
  }
}
