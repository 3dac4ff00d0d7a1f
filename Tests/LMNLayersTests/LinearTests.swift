import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@Suite struct LinearTests {
  @Test(arguments: InstructionSet.available, [[1, 1, 1], [2, 3, 5], [7, 16, 33]])
  func isAnAffineMapOfEveryRow(_ instructionSet: InstructionSet, size: [Int]) {
    let (rows, inputs, outputs) = (size[0], size[1], size[2])
    var source = ParameterSource(seed: 1)
    let linear = Linear(inputs: inputs, outputs: outputs, using: &source)
    let x = Tensor.random([rows, inputs], seed: 2)
    let found = computing(on: instructionSet) { linear(Variable(constant: x)).value }
    let (expected, bounds) = plainLinear(x.doubles, linear)
    expectClose(found.scalars, expected.map { Float($0) }, within: bounds, "linear")
  }

  @Test func listsWeightAndBias() {
    var source = ParameterSource(seed: 1)
    let dictionary = Linear(inputs: 3, outputs: 5, using: &source).stateDictionary
    #expect(dictionary.names == ["weight", "bias"])
    #expect(dictionary.tensors.map(\.shape) == [[5, 3], [5]])
  }

  @Test func startsUniformInOneOverTheRootOfItsInputs() {
    var source = ParameterSource(seed: 3)
    let linear = Linear(inputs: 64, outputs: 50, using: &source)
    for parameter in [linear.weight, linear.bias] {
      let scalars = parameter.value.scalars
      #expect(scalars.allSatisfy { abs($0) <= 0.125 })
      #expect(scalars.contains { abs($0) > 0.1 })
    }
  }
}
