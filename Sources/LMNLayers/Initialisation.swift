package import LMNAutodiff
internal import LMNKernels

extension Variable {
  /// Values uniform in ±`bound`.
  package static func uniform(
    _ shape: [Int], bound: Float, using generator: inout SeededGenerator
  ) -> Variable {
    drawn(shape) { generator.uniform(in: -bound..<bound) }
  }

  /// Normal values with mean 0.
  package static func normal(
    _ shape: [Int], deviation: Float, using generator: inout SeededGenerator
  ) -> Variable {
    drawn(shape) { deviation * generator.normal() }
  }

  /// Matrices `[matrices, size, size]`, each orthogonal and drawn evenly among all, times `scale`.
  package static func orthogonal(
    matrices: Int, size: Int, scale: Float, using generator: inout SeededGenerator
  ) -> Variable {
    var scalars: [Float] = []
    for _ in 0..<matrices {
      var rows: [[Float]] = []
      while rows.count < size {
        var row = (0..<size).map { _ in generator.normal() }
        // Twice is enough (Kahan): the second pass removes what rounding left of the first.
        for other in rows + rows {
          let along = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
          for i in row.indices { row[i] -= along * other[i] }
        }
        let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if norm > 1e-3 { rows.append(row.map { $0 / norm }) }
      }
      scalars += rows.joined().map { scale * $0 }
    }
    return Variable(constant: Tensor(shape: [matrices, size, size], scalars: scalars))
  }

  /// The same value everywhere.
  package static func constant(_ shape: [Int], _ value: Float) -> Variable {
    Variable(constant: Tensor(shape: shape, repeating: value))
  }

  private static func drawn(_ shape: [Int], _ draw: () -> Float) -> Variable {
    let scalars = (0..<shape.reduce(1, *)).map { _ in draw() }
    return Variable(constant: Tensor(shape: shape, scalars: scalars))
  }
}
