internal import LMNKernels
internal import LMNTraining

/// Linear probe: ridge regression from features to one-hot classes, in its dual form, whose cost
/// depends on the examples and not on the features.
///
/// The features are standardised by the examples to fit. With K = XXᵀ / d over those, the scores of a
/// test example x are the classes' frequencies plus (Xx / d)ᵀ (K + λI)⁻¹ (Y − frequencies).
struct LinearProbe {
  /// Weight of each example to fit in the scores of each test example.
  private let weights: [[Double]]

  /// A probe of features, for any classes of the same examples.
  ///
  /// - Parameters:
  ///   - fit: Features of the examples to fit, N rows of equal length.
  ///   - test: Features of the test examples.
  ///   - ridge: λ, in units of the mean of K's diagonal.
  init(fit: [[Float]], test: [[Float]], ridge: Double) {
    let (fit, test) = Self.standardised(fit, test)
    let count = fit.count
    let features = Tensor(
      shape: [fit[0].count, count],
      scalars: fit[0].indices.flatMap { feature in fit.map { $0[feature] } })
    var kernel = Self.matrix(fit).matmul(features).scalars.map(Double.init)
    let trace = (0..<count).reduce(0) { $0 + kernel[$1 * count + $1] }
    for row in 0..<count { kernel[row * count + row] += ridge * trace / Double(count) + 1e-9 }
    let factor = Cholesky(of: kernel, size: count)
    let cross = Self.matrix(test).matmul(features).scalars
    weights = test.indices.map { row in
      factor.solve(cross[row * count..<(row + 1) * count].map(Double.init))
    }
  }

  /// Fraction of the test examples whose class has the highest score.
  ///
  /// - Parameters:
  ///   - classes: Classes of the examples to fit.
  ///   - test: Classes of the test examples.
  ///   - count: Number of classes.
  /// - Returns: The accuracy.
  func accuracy(fitting classes: [Int], on test: [Int], classes count: Int) -> Double {
    var frequencies = [Double](repeating: 0, count: count)
    for value in classes { frequencies[value] += 1 / Double(classes.count) }
    let right = zip(weights, test).count { weights, answer in
      let rest = 1 - weights.reduce(0, +)
      var scores = frequencies.map { $0 * rest }
      for (weight, value) in zip(weights, classes) { scores[value] += weight }
      return scores.indices.max { scores[$0] < scores[$1] } == answer
    }
    return Double(right) / Double(test.count)
  }

  private static func matrix(_ rows: [[Float]]) -> Tensor {
    Tensor(shape: [rows.count, rows[0].count], scalars: rows.flatMap { $0 })
  }

  /// Features with mean 0 and variance 1 / d over the examples to fit; constant ones become 0.
  private static func standardised(
    _ fit: [[Float]], _ test: [[Float]]
  ) -> (fit: [[Float]], test: [[Float]]) {
    let (count, width) = (Float(fit.count), fit[0].count)
    var mean = [Float](repeating: 0, count: width)
    for row in fit { for index in 0..<width { mean[index] += row[index] / count } }
    var variance = [Float](repeating: 0, count: width)
    for row in fit {
      for index in 0..<width {
        variance[index] += (row[index] - mean[index]) * (row[index] - mean[index]) / count
      }
    }
    let scale = variance.map { $0 > 1e-12 ? 1 / ($0 * Float(width)).squareRoot() : 0 }
    func standardise(_ row: [Float]) -> [Float] {
      row.indices.map { (row[$0] - mean[$0]) * scale[$0] }
    }
    return (fit.map(standardise), test.map(standardise))
  }
}
