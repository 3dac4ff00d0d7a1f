internal import LMNKernels

extension Variable {
  /// Gated linear unit of every row: `a · sigmoid(b)`, a and b being its halves.
  ///
  /// - Returns: `[M, E]` for `self` of `[M, 2E]`.
  public func gatedLinearUnit() -> Variable {
    let x = value
    return Variable(x.gatedLinearUnit(), edge { dy in x.gatedLinearUnitPullback(dy) })
  }
}
