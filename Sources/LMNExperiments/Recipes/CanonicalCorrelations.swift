/// Canonical correlations of two sets of vectors, in double precision.
///
/// Source: Hotelling, "Relations between two sets of variates", Biometrika 28, 1936.
/// With the covariances C of both sets, they are the singular values of Cxx^(−1/2) Cxy Cyy^(−1/2), in
/// the directions in which a set varies at all.
struct CanonicalCorrelations {
  /// The correlations, descending: one per direction of the smaller set.
  let values: [Double]

  /// Correlations of the rows of two matrices.
  ///
  /// - Parameters:
  ///   - x: Rows of equal length.
  ///   - y: As many rows, of equal length.
  ///   - tolerance: Smallest variance of a direction, as a part of the largest.
  init(_ x: [[Double]], _ y: [[Double]], tolerance: Double = 1e-10) {
    let (x, y) = (Self.centred(x), Self.centred(y))
    let left = Self.whitening(of: Self.product(x, x), tolerance: tolerance)
    let right = Self.whitening(of: Self.product(y, y), tolerance: tolerance)
    // Rows of `left` and `right` are directions; M = left · Cxy · rightᵀ.
    let cross = Self.product(x, y)
    let projected = left.map { direction in
      cross[0].indices.map { column in
        direction.indices.reduce(0) { $0 + direction[$1] * cross[$1][column] }
      }
    }
    let matrix = projected.map { row in
      right.map { direction in row.indices.reduce(0) { $0 + row[$1] * direction[$1] } }
    }
    let squares = matrix.map { row in
      matrix.map { other in row.indices.reduce(0) { $0 + row[$1] * other[$1] } }
    }
    values =
      SymmetricEigenvalues(of: squares).values.sorted(by: >).prefix(min(left.count, right.count))
      .map { min(max($0, 0), 1).squareRoot() }
  }

  /// Rows with mean 0.
  private static func centred(_ rows: [[Double]]) -> [[Double]] {
    let mean = rows[0].indices.map { column in
      rows.reduce(0) { $0 + $1[column] } / Double(rows.count)
    }
    return rows.map { row in zip(row, mean).map { $0 - $1 } }
  }

  /// XᵀY.
  private static func product(_ x: [[Double]], _ y: [[Double]]) -> [[Double]] {
    var product = [[Double]](
      repeating: [Double](repeating: 0, count: y[0].count), count: x[0].count)
    for (left, right) in zip(x, y) {
      for row in left.indices {
        for column in right.indices { product[row][column] += left[row] * right[column] }
      }
    }
    return product
  }

  /// Orthogonal directions in which the covariance is 1.
  private static func whitening(of covariance: [[Double]], tolerance: Double) -> [[Double]] {
    let eigen = SymmetricEigenvalues(of: covariance)
    let least = tolerance * (eigen.values.max() ?? 0)
    return zip(eigen.values, eigen.vectors).filter { $0.0 > least }.map { value, vector in
      vector.map { $0 / value.squareRoot() }
    }
  }
}

/// Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi rotations.
struct SymmetricEigenvalues {
  /// The eigenvalues, in no order.
  let values: [Double]
  /// The eigenvector of each, of length 1.
  let vectors: [[Double]]

  /// Eigenvalues of a symmetric matrix, given by rows.
  init(of matrix: [[Double]]) {
    var a = matrix
    let size = matrix.count
    var vectors = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0.0 } }
    let scale = matrix.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
    func offDiagonal() -> Double {
      (0..<size).reduce(0) { sum, row in
        sum + (0..<size).reduce(0) { $1 == row ? $0 : $0 + a[row][$1] * a[row][$1] }
      }
    }
    for _ in 0..<100 where offDiagonal() > 1e-30 * scale {
      for p in 0..<size {
        for q in p + 1..<max(size, p + 1) where a[p][q] != 0 {
          let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
          let tangent = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
          let cosine = 1 / (tangent * tangent + 1).squareRoot()
          let sine = tangent * cosine
          for k in 0..<size {
            (a[k][p], a[k][q]) = (
              cosine * a[k][p] - sine * a[k][q], sine * a[k][p] + cosine * a[k][q]
            )
          }
          for k in 0..<size {
            (a[p][k], a[q][k]) = (
              cosine * a[p][k] - sine * a[q][k], sine * a[p][k] + cosine * a[q][k]
            )
            (vectors[p][k], vectors[q][k]) = (
              cosine * vectors[p][k] - sine * vectors[q][k],
              sine * vectors[p][k] + cosine * vectors[q][k]
            )
          }
        }
      }
    }
    values = (0..<size).map { a[$0][$0] }
    self.vectors = vectors
  }
}
