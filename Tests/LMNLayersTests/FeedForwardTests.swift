import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct FeedForwardTests {
  /// The activations in double precision.
  ///
  /// Within a few units of 0 their slopes are below 1.2, and none has more than eighty roundings.
  private static let activations: [(Activation, @Sendable (Double) -> Double)] = [
    (.silu, { $0 / (1 + exp(-$0)) }),
    (.gelu, { $0 * (1 + erf($0 / 2.0.squareRoot())) / 2 }),
    (.relu, { max($0, 0) }),
  ]

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func isAnActivationBetweenTwoMaps(_ instructionSet: InstructionSet, _ activation: Activation) {
    for factor in [1, 3] { expectDefinition(instructionSet, activation, factor: factor) }
  }

  private func expectDefinition(
    _ instructionSet: InstructionSet, _ activation: Activation, factor: Int
  ) {
    let (width, rows) = (6, 5)
    var source = ParameterSource(seed: 1)
    let feedForward = FeedForward(
      width: width, factor: factor, activation: activation, using: &source)
    let x = Tensor.random([rows, width], seed: 2)
    let found = computing(on: instructionSet) { feedForward(Variable(constant: x)).value }

    let inner = plainLinear(x.doubles, feedForward.inner)
    let function = Self.activations.first { $0.0 == activation }!.1
    let activated = inner.values.map(function)
    let activatedBounds = zip(inner.bounds, activated).map {
      1.2 * $0 + Rounding.error(80) * abs($1)
    }
    let outer = plainLinear(activated, feedForward.outer)
    let weight = feedForward.outer.weight.value.doubles
    let bounds = outer.bounds.enumerated().map { index, bound in
      let (row, output, hidden) = (index / width, index % width, factor * width)
      return (0..<hidden).reduce(bound) {
        $0 + abs(weight[output * hidden + $1]) * activatedBounds[row * hidden + $1]
      }
    }
    expectClose(found.scalars, outer.values.map { Float($0) }, within: bounds, "feed-forward")
  }

  @Test func listsItsMapsByTheirPublishedPlaces() {
    var source = ParameterSource(seed: 1)
    let dictionary = FeedForward(width: 3, factor: 2, using: &source).stateDictionary
    #expect(dictionary.names == ["0.weight", "0.bias", "2.weight", "2.bias"])
    #expect(dictionary.tensors.map(\.shape) == [[6, 3], [6], [3, 6], [3]])
  }
}
