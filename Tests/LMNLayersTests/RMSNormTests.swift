import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@Suite struct RMSNormTests {
  @Test(arguments: InstructionSet.available, [1, 3, 16, 33])
  func dividesByTheRootMeanSquare(_ instructionSet: InstructionSet, width: Int) {
    var norm = drawn { RMSNorm(width: width, using: &$0) }
    norm.gain = Variable(constant: .random([width], seed: 1))
    let x = Tensor.random([4, width], seed: 2)
    let found = computing(on: instructionSet) { norm(Variable(constant: x)).value }

    let gain = norm.gain.value.doubles
    let expected = (0..<4).flatMap { row in
      let values = x.rows(row..<row + 1).doubles
      let meanSquare = values.reduce(0) { $0 + $1 * $1 } / Double(width)
      let scale = 1 / (meanSquare + Double(RMSNorm.epsilon)).squareRoot()
      return zip(values, gain).map { $0 * scale * $1 }
    }
    // Roundings of the sum of squares, mean, epsilon, root, reciprocal and two products.
    expectClose(
      found.scalars, expected.map { Float($0) },
      within: expected.map { Rounding.error(width + 8) * abs($0) }, "RMSNorm")
  }

  @Test func leavesZeroAtZero() {
    let zeros = Tensor(shape: [2, 8], repeating: 0)
    #expect(drawn { RMSNorm(width: 8, using: &$0) }(Variable(constant: zeros)).value == zeros)
  }

  @Test func listsItsGainAsWeightAndStartsAtOne() {
    let dictionary = drawn { RMSNorm(width: 3, using: &$0) }.stateDictionary
    #expect(dictionary.names == ["weight"])
    #expect(dictionary["weight"] == Tensor(shape: [3], repeating: 1))
  }
}
