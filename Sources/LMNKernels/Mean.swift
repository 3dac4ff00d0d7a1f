internal import CLMN

extension Tensor {
  /// Mean of all values, or of those with a target: shape `[1]`.
  ///
  /// - Parameter targets: One per value, negative for values without a target; nil for all values.
  /// - Returns: The mean; 0 if no value has a target.
  /// - Precondition: `count` is positive.
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

  /// Pullback of ``mean(overTargets:)``: the cotangent of values of `shape`; `self` is that of the
  /// mean, `[1]`.
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
