import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@Suite struct InitialisationTests {
  @Test(arguments: [1, 2, 3, 8, 32])
  func orthogonalMatricesAreOrthogonal(size: Int) {
    let (matrices, scale) = (3, 0.5)
    var generator = SeededGenerator(seed: 1)
    let drawn = Variable.orthogonal(
      matrices: matrices, size: size, scale: Float(scale), using: &generator)
    #expect(drawn.value.shape == [matrices, size, size])
    // What a row keeps of another is what the second pass rounds: a dot product and a difference
    // per other row; normalising and scaling add four roundings of each row.
    let bound = Rounding.error(2 * size + 8) * scale * scale
    for matrix in 0..<matrices {
      let rows = (0..<size).map { row in
        drawn.value.reshaped([matrices * size, size])
          .rows(matrix * size + row..<matrix * size + row + 1).doubles
      }
      for i in 0..<size {
        for j in 0...i {
          let product = zip(rows[i], rows[j]).reduce(0) { $0 + $1.0 * $1.1 }
          #expect(abs(product - (i == j ? scale * scale : 0)) <= bound)
        }
      }
    }
  }

  /// Evenly among all: every direction of a row is as likely, and so are both determinants.
  @Test func orthogonalMatricesAreSpreadEvenly() {
    let count = 4000
    var generator = SeededGenerator(seed: 2)
    let drawn = Variable.orthogonal(matrices: count, size: 2, scale: 1, using: &generator)
    let scalars = drawn.value.doubles
    let matrices = (0..<count).map { Array(scalars[4 * $0..<4 * $0 + 4]) }
    let deviation = Double(count).squareRoot()
    let reflections = matrices.count { $0[0] * $0[3] < $0[1] * $0[2] }
    #expect(abs(Double(reflections) - Double(count) / 2) < 5 * deviation / 2)
    for octant in 0..<4 {
      let (sign, isSteep) = (octant < 2, octant % 2 == 0)
      let found = matrices.count { ($0[0] > 0) == sign && (abs($0[0]) < abs($0[1])) == isSteep }
      #expect(abs(Double(found) - Double(count) / 4) < 5 * deviation * (3.0 / 16).squareRoot())
    }
  }

  @Test func normalValuesHaveTheirDeviation() {
    var generator = SeededGenerator(seed: 3)
    let drawn = Variable.normal([100, 200], deviation: 0.3, using: &generator)
    #expect(drawn.value.shape == [100, 200])
    expectMoments(of: drawn, deviation: 0.3, kurtosis: 3)
  }

  @Test func uniformValuesHaveTheirBound() {
    var generator = SeededGenerator(seed: 4)
    let drawn = Variable.uniform([100, 200], bound: 0.3, using: &generator)
    #expect(drawn.value.scalars.allSatisfy { abs($0) <= 0.3 })
    expectMoments(of: drawn, deviation: 0.3 / 3.0.squareRoot(), kurtosis: 1.8)
  }

  @Test func constantsAreConstant() {
    #expect(Variable.constant([2, 3], 7).value == Tensor(shape: [2, 3], repeating: 7))
  }

  @Test func theSeedDecides() {
    func values(seed: UInt64) -> [Tensor] {
      var generator = SeededGenerator(seed: seed)
      return [
        Variable.normal([5], deviation: 1, using: &generator).value,
        Variable.uniform([5], bound: 1, using: &generator).value,
        Variable.orthogonal(matrices: 2, size: 3, scale: 1, using: &generator).value,
      ]
    }
    #expect(values(seed: 1) == values(seed: 1))
    for (one, other) in zip(values(seed: 1), values(seed: 2)) { #expect(one != other) }
  }

  @Test func numbersAreNotDrawnTwice() {
    var generator = SeededGenerator(seed: 1)
    let first = Variable.normal([5], deviation: 1, using: &generator).value
    #expect(first != Variable.normal([5], deviation: 1, using: &generator).value)
  }

  /// Mean and variance lie within five of their own standard deviations, whose size for the
  /// variance follows from the fourth moment.
  private func expectMoments(
    of drawn: Variable, deviation: Double, kurtosis: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let values = drawn.value.doubles
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + $1 * $1 } / count
    let expected = deviation * deviation
    #expect(abs(mean) < 5 * deviation / count.squareRoot(), sourceLocation: sourceLocation)
    #expect(
      abs(variance - expected) < 5 * expected * ((kurtosis - 1) / count).squareRoot(),
      sourceLocation: sourceLocation)
  }
}
