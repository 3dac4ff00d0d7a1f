import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@Suite struct ParameterSourceTests {
  @Test(arguments: [1, 2, 3, 8, 32])
  func orthogonalMatricesAreOrthogonal(size: Int) {
    let (matrices, scale) = (3, 0.5)
    var source = ParameterSource(seed: 1)
    let drawn = source.parameter([matrices, size, size], .orthogonal(scale: Float(scale)))
    #expect(drawn.value.shape == [matrices, size, size])
    // Rounding errors of the second pass: a dot product and a difference per other row, and four
    // roundings of each row from normalising and scaling.
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

  /// Uniform distribution: directions of a row, and signs of the determinant, are equally likely.
  @Test func orthogonalMatricesAreSpreadEvenly() {
    let count = 4000
    var source = ParameterSource(seed: 2)
    let drawn = source.parameter([count, 2, 2], .orthogonal(scale: 1))
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
    var source = ParameterSource(seed: 3)
    let drawn = source.parameter([100, 200], .normal(deviation: 0.3))
    #expect(drawn.value.shape == [100, 200])
    expectMoments(of: drawn, deviation: 0.3, kurtosis: 3)
  }

  @Test func uniformValuesHaveTheirBound() {
    var source = ParameterSource(seed: 4)
    let drawn = source.parameter([100, 200], .uniform(bound: 0.3))
    #expect(drawn.value.scalars.allSatisfy { abs($0) <= 0.3 })
    expectMoments(of: drawn, deviation: 0.3 / 3.0.squareRoot(), kurtosis: 1.8)
  }

  @Test func constantsAreConstant() {
    var source = ParameterSource(seed: 1)
    let constant = source.parameter([2, 3], .constant(7))
    #expect(constant.value == Tensor(shape: [2, 3], repeating: 7))
    #expect(source.generator == SeededGenerator(seed: 1), "a constant draws nothing")
  }

  @Test func rangesAreKept() {
    var source = ParameterSource(seed: 1)
    let drawn = source.parameter([1000], .range(-7..<(-2))).value.scalars
    #expect(drawn.allSatisfy { (-7..<(-2)).contains($0) })
    #expect(drawn.min()! < -6.9 && drawn.max()! > -2.1)
  }

  @Test func multiplesAreThoseOfTheColumns() {
    var source = ParameterSource(seed: 1)
    let multiples = source.parameter([2, 3], .multiples(of: 0.5))
    #expect(multiples.value.scalars == [0, 0.5, 1, 0, 0.5, 1])
    #expect(source.generator == SeededGenerator(seed: 1), "multiples draw nothing")
  }

  @Test func theSeedDecides() {
    func values(seed: UInt64) -> [Tensor] {
      var source = ParameterSource(seed: seed)
      return [
        source.parameter([5], .normal(deviation: 1)).value,
        source.parameter([5], .uniform(bound: 1)).value,
        source.parameter([2, 3, 3], .orthogonal(scale: 1)).value,
      ]
    }
    #expect(values(seed: 1) == values(seed: 1))
    for (one, other) in zip(values(seed: 1), values(seed: 2)) { #expect(one != other) }
  }

  @Test func numbersAreNotDrawnTwice() {
    var source = ParameterSource(seed: 1)
    let first = source.parameter([5], .normal(deviation: 1)).value
    #expect(first != source.parameter([5], .normal(deviation: 1)).value)
  }

  /// Drawing and describing give the same counts; a description draws nothing.
  @Test func parametersAreCounted() {
    var (drawing, describing) = (ParameterSource(seed: 1), ParameterSource.describing)
    let drawn = Linear(inputs: 3, outputs: 4, using: &drawing)
    var described = Linear(inputs: 3, outputs: 4, using: &describing)
    #expect(drawing.count == 16 && describing.count == 16)
    #expect(ParameterSource.count { Linear(inputs: 3, outputs: 4, using: &$0) } == 16)
    #expect(described.weight.value.shape == [4, 3] && described.bias.value.shape == [4])
    #expect(throws: Never.self) { try described.load(drawn.stateDictionary) }
    #expect(described.stateDictionary == drawn.stateDictionary)
  }

  @Test(arguments: [[Int.max, 2], [1 << 32, 1 << 32], [1 << 62, 1]])
  func aCountThatOverflowsIsNone(shape: [Int]) {
    var source = ParameterSource.describing
    _ = source.parameter([1 << 62], .constant(0))
    #expect(source.count == 1 << 62)
    _ = source.parameter(shape, .normal(deviation: 1))
    #expect(source.count == nil)
    _ = source.parameter([1], .constant(0))
    #expect(source.count == nil)
  }

  @Test func aDescriptionHasNoValuesToRead() async {
    await #expect(processExitsWith: .failure) {
      var source = ParameterSource.describing
      _ = source.parameter([2], .constant(0)).value.scalars
    }
  }

  /// Expects mean and variance within five of their standard deviations; that of the variance
  /// follows from the fourth moment.
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
