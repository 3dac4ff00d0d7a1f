public import LMNKernels

extension Variable {
  /// Maximum of every column, over the rows whose weight is not 0: `[1, E]` for `self` of `[M, E]`.
  public func rowMaximum(weights: Tensor) -> Variable {
    let count = value.shape[0]
    let (maximum, rows) = value.rowMaximum(weights: weights)
    return Variable(maximum, edge { dy in dy.rowMaximumPullback(rows: rows, count: count) })
  }
}
