internal import LMNKernels

extension Variable {
  /// The mean of all values: shape `[1]`.
  public func mean() -> Variable {
    let (shape, count) = (value.shape, Double(value.count))
    let mean = value.scalars.reduce(0) { $0 + Double($1) } / count
    return Variable(
      Tensor(shape: [1], repeating: Float(mean)),
      edge { dy in Tensor(shape: shape, repeating: Float(Double(dy.scalar) / count)) })
  }
}
