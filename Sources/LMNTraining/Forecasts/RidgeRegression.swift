import LMNKernels

/// Linear least squares with a penalty on the weights (ridge regression), in double precision.
///
/// Inputs are standardised, so a penalty does not depend on their units: the weights minimise
/// Σ (y − b − w · z)² + Σ penalty · w² for inputs z of mean 0 and variance 1 over the rows.
struct RidgeRegression: Sendable {
  let (inputs, outputs): (Int, Int)
  /// Number of rows.
  var rowCount: Int { Int(rows) }
  /// Mean squares of the inputs.
  var meanSquares: [Double] { (0..<inputs).map { products[$0 * inputs + $0] / max(rows, 1) } }
  private var rows = 0.0
  /// Sums of the inputs, then of the outputs.
  private var sums: [Double]
  /// Sums of the products of inputs with inputs (lower triangle) and with outputs.
  private var products: [Double]
  /// Sums of the squares of the outputs.
  private var squares: [Double]
  private var width: Int { inputs + outputs }

  /// A regression without rows.
  init(inputs: Int, outputs: Int) {
    (self.inputs, self.outputs) = (inputs, outputs)
    sums = .init(repeating: 0, count: inputs + outputs)
    products = .init(repeating: 0, count: (inputs + outputs) * inputs)
    squares = .init(repeating: 0, count: outputs)
  }

  /// Adds rows of inputs followed by outputs.
  mutating func add(_ rows: [Double]) {
    let (width, inputs) = (width, inputs)
    self.rows += Double(rows.count / width)
    var squares = squares
    rows.withUnsafeBufferPointer { rows in
      products.withUnsafeMutableBufferPointer { products in
        sums.withUnsafeMutableBufferPointer { sums in
          for first in stride(from: 0, to: rows.count, by: width) {
            for index in 0..<width {
              let value = rows[first + index]
              sums[index] += value
              if index >= inputs { squares[index - inputs] += value * value }
              let row = index * inputs
              // Of the products of inputs, the lower triangle.
              for other in 0..<min(index + 1, inputs) {
                products[row + other] += value * rows[first + other]
              }
            }
          }
        }
      }
    }
    self.squares = squares
  }

  /// Adds the rows of another regression of the same sizes.
  mutating func add(_ other: RidgeRegression) {
    rows += other.rows
    for index in sums.indices { sums[index] += other.sums[index] }
    for index in products.indices { products[index] += other.products[index] }
    for index in squares.indices { squares[index] += other.squares[index] }
  }

  /// Weights and bias per output.
  struct Solution: Sendable {
    /// `[outputs, inputs]`.
    var weights: [Double]
    /// `[outputs]`.
    var bias: [Double]
  }

  /// The solution; a function of the mean for inputs without variance.
  ///
  /// - Parameter penalty: Penalty of an input; nil for an input to leave out.
  /// - Returns: The solution, by Cholesky's decomposition; zero weights for inputs that are left out.
  func solution(penalty: (Int) -> Double?) -> Solution {
    let means = sums.map { $0 / max(rows, 1) }
    func deviation(_ input: Int) -> Double {
      let square = products[input * inputs + input] / max(rows, 1)
      let variance = square - means[input] * means[input]
      // Below this it is rounding.
      return variance > 1e-12 * max(square, 1e-12) ? variance.squareRoot() : 0
    }
    let used = (0..<inputs).filter { penalty($0) != nil && deviation($0) > 0 }
    let deviations = used.map(deviation)
    let count = used.count
    var solution = Solution(
      weights: .init(repeating: 0, count: outputs * inputs),
      bias: (0..<outputs).map { means[inputs + $0] })
    var matrix = [Double](repeating: 0, count: count * count)
    for (row, input) in used.enumerated() {
      for (column, other) in used.prefix(row + 1).enumerated() {
        let centred = products[input * inputs + other] - rows * means[input] * means[other]
        matrix[row * count + column] = centred / (deviations[row] * deviations[column])
      }
      matrix[row * count + row] += penalty(input)!
    }
    let decomposition = Cholesky(of: matrix, size: count)
    for output in 0..<outputs {
      let centred = used.enumerated().map { row, input in
        let product = products[(inputs + output) * inputs + input]
        return (product - rows * means[input] * means[inputs + output]) / deviations[row]
      }
      let weights = decomposition.solve(centred)
      for (row, input) in used.enumerated() {
        let weight = weights[row] / deviations[row]
        solution.weights[output * inputs + input] = weight
        solution.bias[output] -= weight * means[input]
      }
    }
    return solution
  }

  /// Mean squared error of an output of a solution over the rows.
  func meanSquaredError(of solution: Solution, output: Int) -> Double {
    let weights = solution.weights[output * inputs..<(output + 1) * inputs]
    let means = sums.map { $0 / max(rows, 1) }
    let mean = means[inputs + output]
    // Of centred inputs and outputs, then of their means.
    var error = squares[output] - rows * mean * mean
    for (input, weight) in zip(0..., weights) where weight != 0 {
      let row = (inputs + output) * inputs
      error -= 2 * weight * (products[row + input] - rows * means[input] * mean)
      for (other, otherWeight) in zip(0...input, weights) where otherWeight != 0 {
        let centred = products[input * inputs + other] - rows * means[input] * means[other]
        error += (other == input ? 1 : 2) * weight * otherWeight * centred
      }
    }
    let offset =
      solution.bias[output] + zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 } - mean
    return max(error, 0) / max(rows, 1) + offset * offset
  }
}
