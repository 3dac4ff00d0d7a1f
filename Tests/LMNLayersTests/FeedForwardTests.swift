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
  @Test(arguments: InstructionSet.available, [1, 3])
  func isSiLUBetweenTwoMaps(_ instructionSet: InstructionSet, factor: Int) {
    let (width, rows) = (6, 5)
    var generator = SeededGenerator(seed: 1)
    let feedForward = FeedForward(width: width, factor: factor, using: &generator)
    let x = Tensor.random([rows, width], seed: 2)
    let found = computing(on: instructionSet) { feedForward(Variable(constant: x)).value }

    let inner = plainLinear(x.doubles, feedForward.inner)
    let activated = inner.values.map { $0 / (1 + exp(-$0)) }
    // SiLU's slope stays below 1.1; exponential, sum, quotient: a few roundings of its own.
    let activatedBounds = zip(inner.bounds, activated).map {
      1.1 * $0 + Rounding.error(8) * abs($1)
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
    var generator = SeededGenerator(seed: 1)
    let dictionary = FeedForward(width: 3, factor: 2, using: &generator).stateDictionary
    #expect(dictionary.names == ["0.weight", "0.bias", "2.weight", "2.bias"])
    #expect(dictionary.tensors.map(\.shape) == [[6, 3], [6], [3, 6], [3]])
  }
}
