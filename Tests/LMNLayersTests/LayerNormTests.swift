import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@Suite struct LayerNormTests {
  @Test(arguments: InstructionSet.available, [1, 3, 16, 33])
  func givesMeanZeroAndVarianceOne(_ instructionSet: InstructionSet, width: Int) {
    var norm = drawn { LayerNorm(width: width, using: &$0) }
    norm.gain = Variable(constant: .random([width], seed: 1))
    norm.bias = Variable(constant: .random([width], seed: 2))
    let x = Tensor.random([4, width], seed: 3)
    let found = computing(on: instructionSet) { norm(Variable(constant: x)).value }

    let (gain, bias) = (norm.gain.value.doubles, norm.bias.value.doubles)
    var (expected, bounds): ([Double], [Double]) = ([], [])
    for row in 0..<4 {
      let values = x.rows(row..<row + 1).doubles
      let mean = values.reduce(0, +) / Double(width)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      let scale = 1 / (variance + Double(LayerNorm.epsilon)).squareRoot()
      // x − mean has an error of some roundings of its terms; the scale has the same relative
      // error.
      let size = values.reduce(0) { $0 + abs($1) } / Double(width)
      let magnitudes = values.map { abs($0) + size }
      let loss = scale * (magnitudes.reduce(0) { $0 + $1 * $1 } / Double(width)).squareRoot()
      for e in 0..<width {
        let normalized = (values[e] - mean) * scale * gain[e]
        expected.append(normalized + bias[e])
        let error = magnitudes[e] * scale * abs(gain[e]) + loss * abs(normalized) + abs(bias[e])
        bounds.append(Rounding.error(width + 8) * error)
      }
    }
    expectClose(found.scalars, expected.map { Float($0) }, within: bounds, "LayerNorm")
  }

  @Test func givesAConstantRowItsBias() {
    var norm = drawn { LayerNorm(width: 8, using: &$0) }
    norm.bias = Variable(constant: .random([8], seed: 1))
    let constant = Tensor(shape: [1, 8], repeating: 3)
    #expect(norm(Variable(constant: constant)).value.scalars == norm.bias.value.scalars)
  }

  @Test func listsItsGainAsWeightAndStartsAtOneAndZero() {
    let dictionary = drawn { LayerNorm(width: 3, using: &$0) }.stateDictionary
    #expect(dictionary.names == ["weight", "bias"])
    #expect(dictionary["weight"] == Tensor(shape: [3], repeating: 1))
    #expect(dictionary["bias"] == Tensor(shape: [3], repeating: 0))
  }
}
