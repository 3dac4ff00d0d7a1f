public import LMNKernels

extension Tensor {
  /// Tensor of values of mean 0 and variance 1, uniform in ±√3, determined by `seed`.
  public static func random(_ shape: [Int], seed: UInt64) -> Tensor {
    var values = SeededValues(seed: seed)
    return random(shape, using: &values)
  }

  /// Tensor of values of mean 0 and variance 1, uniform in ±√3.
  public static func random(_ shape: [Int], using values: inout SeededValues) -> Tensor {
    let bound = Float(3).squareRoot()
    return Tensor(shape: shape, scalars: values.floats(shape.reduce(1, *), in: -bound...bound))
  }

  /// Every value times `factor`.
  public func scaled(by factor: Float) -> Tensor {
    Tensor(shape: shape, scalars: scalars.map { factor * $0 })
  }
}
