internal import CLMN

extension Tensor {
  /// The mean of all values, or of those that count: shape `[1]`.
  ///
  /// - Parameter targets: One per value, negative where it does not count; nil when all do.
  /// - Returns: The mean; 0 when none counts.
  /// - Precondition: There are values.
  public func mean(overTargets targets: TokenBuffer? = nil) -> Tensor {
    precondition(count > 0, "mean: shape \(shape) has no values")
    expectTargetPerValue(targets, of: shape, operation: "mean")
    let mean = Tensor(uninitialized: [1])
    ExecutionContext.current.run(
      lmn_mean_forward,
      lmn_mean(rows: 1, columns: count, values: base, targets: targets?.base, mean: mean.output),
      on: self, targets, mean)
    return mean
  }

  /// What the cotangent of ``mean(overTargets:)`` gives to values of `shape`, for `self` of shape
  /// `[1]`.
  public func meanPullback(shape: [Int], overTargets targets: TokenBuffer? = nil) -> Tensor {
    precondition(self.shape == [1], "meanPullback: cotangent \(self.shape) of a mean")
    expectTargetPerValue(targets, of: shape, operation: "meanPullback")
    let values = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_mean_backward,
      lmn_mean_grad(
        rows: 1, columns: values.count, d_mean: base, targets: targets?.base,
        d_values: values.output),
      on: self, targets, values)
    return values
  }
}

private func expectTargetPerValue(_ targets: TokenBuffer?, of shape: [Int], operation: String) {
  guard let targets else { return }
  precondition(
    targets.count == shape.reduce(1, *),
    "\(operation): \(targets.count) targets of values \(shape)")
}
