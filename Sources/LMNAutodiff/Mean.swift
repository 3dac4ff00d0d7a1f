internal import LMNKernels

extension Variable {
  /// The mean of all values: shape `[1]`.
  public func mean() -> Variable {
    let shape = value.shape
    return Variable(value.mean(), edge { dy in dy.meanPullback(shape: shape) })
  }
}
