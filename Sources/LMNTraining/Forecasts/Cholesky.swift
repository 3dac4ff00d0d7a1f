/// Cholesky's decomposition A = L Lᵀ of a symmetric positive definite matrix, in double precision.
package struct Cholesky: Sendable {
  private let size: Int
  /// L by rows; entries above the diagonal have no meaning.
  private let lower: [Double]

  /// The decomposition of a matrix given by rows, of which the lower triangle is read.
  ///
  /// Pivots below 1e-12, those of a matrix that rounding has made singular, become 1e-12.
  package init(of matrix: [Double], size: Int) {
    var lower = matrix
    lower.withUnsafeMutableBufferPointer { lower in
      for row in 0..<size {
        for column in 0...row {
          var sum = lower[row * size + column]
          for index in 0..<column {
            sum -= lower[row * size + index] * lower[column * size + index]
          }
          lower[row * size + column] =
            row == column ? max(sum, 1e-12).squareRoot() : sum / lower[column * size + column]
        }
      }
    }
    (self.size, self.lower) = (size, lower)
  }

  /// The solution x of A x = b.
  package func solve(_ b: [Double]) -> [Double] {
    var x = b
    lower.withUnsafeBufferPointer { lower in
      x.withUnsafeMutableBufferPointer { x in
        for row in 0..<size {
          for index in 0..<row { x[row] -= lower[row * size + index] * x[index] }
          x[row] /= lower[row * size + row]
        }
        for row in (0..<size).reversed() {
          for index in row + 1..<size { x[row] -= lower[index * size + row] * x[index] }
          x[row] /= lower[row * size + row]
        }
      }
    }
    return x
  }
}
