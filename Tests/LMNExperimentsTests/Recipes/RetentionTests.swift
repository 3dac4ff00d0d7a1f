import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct RetentionTests {
  private func memory(
    _ change: (inout LogarithmicMemory.Settings) -> Void = { _ in }
  ) -> LogarithmicMemory {
    var settings = LogarithmicMemory.Settings()
    (settings.heads, settings.banks) = (2, 2)
    change(&settings)
    var source = ParameterSource(seed: 1)
    return LogarithmicMemory(width: 8, settings, using: &source)
  }

  /// The weights, applied to the values, are the memory's own output.
  @Test(
    arguments: [
      (2, nil, false), (3, nil, false), (2, 3, true),
    ] as [(Int, Int?, Bool)])
  func attentionWeightsGiveTheMemorysOutput(arity: Int, levels: Int?, bias: Bool) throws {
    var memory = memory { ($0.arity, $0.maximumLevels, $0.levelBias) = (arity, levels, bias) }
    if bias {
      memory.levelBias = Variable(
        constant: Tensor(shape: [4, 2], scalars: (0..<8).map { Float($0) / 4 - 1 }))
    }
    let length = 21
    var generator = SeededGenerator(seed: 2)
    let x = Variable(
      constant: Tensor(
        shape: [length, 8],
        scalars: (0..<length * 8).map { _ in generator.uniform(in: -2..<2) }))
    let weights = try #require(AttentionWeights(of: memory, over: x))
    let nodes = memory.summarizer.nodes(
      of: Tree(length: length, shape: memory.shape), tokens: x,
      carried: memory.initialState["nodes"], expansion: nil)
    let values = memory.queryValue(nodes).value.scalars
    let attended: [Float] = weights.slots.flatMap { slots -> [Float] in
      (0..<8).map { feature -> Float in
        var sum = 0.0
        for slot in slots {
          sum += slot.weights[feature % 2] * Double(values[slot.row * 16 + 8 + feature])
        }
        return Float(sum)
      }
    }
    let found = memory.output(
      Variable(constant: Tensor(shape: [length, 8], scalars: attended))
    ).value.scalars
    var state = memory.initialState
    var pass = Pass(length: length)
    let expected = memory(x, after: &state, &pass).value.scalars
    let differences: [Float] = zip(found, expected).map { abs($0 - $1) }
    #expect(differences.allSatisfy { $0 < 1e-5 })
    let mass = weights.mass(from: 4)
    #expect(abs(mass.reduce(0) { $0 + $1.mass } - 1) < 1e-9)
    #expect(abs(mass.reduce(0) { $0 + $1.share } - 1) < 1e-9)
  }

  @Test func otherSlotsHaveNoWeights() {
    let x = Variable(constant: Tensor(shape: [4, 8], repeating: 1))
    #expect(AttentionWeights(of: memory { $0.window = 1 }, over: x) == nil)
    #expect(AttentionWeights(of: memory { $0.visibility = .disjoint }, over: x) == nil)
  }

  /// A class that is a linear function of the features is found, one that is independent of them is
  /// not.
  @Test func aProbeFindsWhatIsLinear() {
    var generator = SeededGenerator(seed: 3)
    func examples(_ count: Int) -> (features: [[Float]], linear: [Int], random: [Int]) {
      let classes = (0..<count).map { _ in generator.integer(below: 4) }
      let features = classes.map { value in
        (0..<12).map { index in
          Float(index == value ? 3 : 0) + generator.uniform(in: -1..<1)
        } + [5]
      }
      return (features, classes, classes.map { _ in generator.integer(below: 4) })
    }
    let (fit, test) = (examples(200), examples(200))
    let probe = LinearProbe(fit: fit.features, test: test.features, ridge: 0.01)
    #expect(probe.accuracy(fitting: fit.linear, on: test.linear, classes: 4) > 0.95)
    #expect(probe.accuracy(fitting: fit.random, on: test.random, classes: 4) < 0.5)
  }

  @Test func choleskySolves() {
    let a: [Double] = [4, 2, 0.6, 2, 5, 1, 0.6, 1, 3]
    let x = Cholesky(of: a, size: 3).solve([1, -2, 3])
    for (row, b) in [1.0, -2, 3].enumerated() {
      let sum = (0..<3).reduce(0) { $0 + a[3 * row + $1] * x[$1] }
      #expect(abs(sum - b) < 1e-12)
    }
  }
}
