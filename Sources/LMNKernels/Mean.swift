internal import CLMN

extension Tensor {
  /// The mean of all values: shape `[1]`.
  ///
  /// - Precondition: There are values.
  public func mean() -> Tensor {
    precondition(count > 0, "mean: shape \(shape) has no values")
    let mean = Tensor(uninitialized: [1])
    ExecutionContext.current.run(
      lmn_mean_forward, lmn_mean(rows: 1, columns: count, values: base, mean: mean.output),
      on: self, mean)
    return mean
  }

  /// What the cotangent of ``mean()`` gives to values of `shape`, for `self` of shape `[1]`.
  public func meanPullback(shape: [Int]) -> Tensor {
    precondition(self.shape == [1], "meanPullback: cotangent \(self.shape) of a mean")
    let values = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_mean_backward,
      lmn_mean_grad(rows: 1, columns: values.count, d_mean: base, d_values: values.output),
      on: self, values)
    return values
  }
}
