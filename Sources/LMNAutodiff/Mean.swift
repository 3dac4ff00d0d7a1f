public import LMNKernels

extension Variable {
  /// The mean of all values, or of those that count: shape `[1]`.
  ///
  /// - Parameter targets: One per value, negative where it does not count; nil when all do.
  /// - Returns: The mean; 0 when none counts.
  public func mean(overTargets targets: TokenBuffer? = nil) -> Variable {
    let shape = value.shape
    return Variable(
      value.mean(overTargets: targets),
      edge { dy in dy.meanPullback(shape: shape, overTargets: targets) })
  }
}
