import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@testable import LMNExperiments

@Suite struct RouterUseTests {
  /// Logits that choose the given memories, two of three per token, the first one first.
  private func choices(_ memories: [[Int]]) -> RouterChoices {
    let logits = memories.flatMap { chosen in
      (0..<3).map { memory in Float(chosen.firstIndex(of: memory).map { 2 - $0 } ?? 0) }
    }
    return Tensor(shape: [memories.count, 3], scalars: logits).routed(to: 2)
  }

  @Test func loadAndPurityAreThoseOfTheChoices() {
    let example = PairedRecall.Example(
      keys: [7, 1, 4, 1, 4, 7], values: [0, 1, 0, 2, 2, 2], targets: [-1, -1, -1, 1, 0, 0])
    // Key 1 chooses memories 1 and 0 in both halves, in another order; key 4 the same; key 7 not.
    let use = RouterUse(
      of: choices([[0, 1], [1, 0], [1, 2], [0, 1], [1, 2], [0, 2]]), in: example)
    let twelfths: [Double] = [4, 5, 3]
    #expect(use.load == twelfths.map { $0 / 12 })
    #expect(use.purity == 2.0 / 3)
  }

  @Test func meanIsOverExamples() {
    let mean = RouterUse(meanOf: [
      RouterUse(load: [0.5, 0.5], purity: 1), RouterUse(load: [0, 1], purity: 0.5),
    ])
    #expect(mean == RouterUse(load: [0.25, 0.75], purity: 0.75))
  }

  /// Scores are those of single examples, put together.
  @Test func scoresAreOfAllExamples() throws {
    let network = try PairedRecallNetwork.small { $0.layers = 2 }
    let task = try PairedRecall(keys: 9, values: 5, pairs: 6)
    var generator = SeededGenerator(seed: 1)
    let examples = (0..<20).map { _ in task.example(pairs: 6, using: &generator) }
    let scores = PairedRecallScores(of: network, on: examples)
    let single = examples.map { PairedRecallScores(of: network, on: [$0]) }
    let right = examples.map { example in
      let tokens = PairedRecallNetwork.Tokens(keys: example.keys, values: example.values)
      let answers = network(tokens).value.likeliestTokens
      return zip(answers, example.targets).count { $0 == $1 }
    }
    #expect(scores.accuracy == Double(right.reduce(0, +)) / 120)
    #expect(single.map(\.accuracy) == right.map { Double($0) / 6 })
    #expect(scores.routers.count == 2)
    for router in 0..<2 {
      #expect(scores.routers[router] == RouterUse(meanOf: single.map { $0.routers[router] }))
      #expect(scores.routers[router].load.count == 4)
      #expect(abs(scores.routers[router].load.reduce(0, +) - 1) < 1e-9)
    }
  }

  @Test func networksWithoutRoutersHaveNoUse() throws {
    let network = try PairedRecallNetwork.small {
      $0.trunk.memories = [MemoryConfiguration(LinearMemory.Settings())]
    }
    var generator = SeededGenerator(seed: 1)
    let example = try PairedRecall(keys: 9, values: 5, pairs: 6).example(
      pairs: 6, using: &generator)
    #expect(PairedRecallScores(of: network, on: [example]).routers.isEmpty)
  }
}
