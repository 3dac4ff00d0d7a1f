import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct PairedRecallTests {
  @Test(arguments: [1, 2, 7, 20])
  func examplesAreAsDefined(pairs: Int) throws {
    let task = try PairedRecall(keys: 20, values: 5, pairs: 20)
    var keys: Set<Token> = []
    var values: Set<Token> = []
    for seed in 0..<50 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let example = task.example(pairs: pairs, using: &generator)
      #expect(example.keys.count == 2 * pairs && example.values.count == 2 * pairs)
      #expect(example.targets.count == 2 * pairs)

      let context = example.keys[..<pairs]
      #expect(Set(context).count == pairs && context.allSatisfy { (0..<20).contains($0) })
      #expect(example.values[..<pairs].allSatisfy { (0..<5).contains($0) })
      #expect(example.targets[..<pairs].allSatisfy { $0 == ignoredTarget })

      #expect(example.keys[pairs...].sorted() == context.sorted())
      #expect(example.values[pairs...].allSatisfy { $0 == 5 })
      for place in pairs..<2 * pairs {
        let pair = try #require(context.firstIndex(of: example.keys[place]))
        #expect(example.targets[place] == example.values[pair])
      }
      keys.formUnion(context)
      values.formUnion(example.values[..<pairs])
    }
    // A key or value is missed by 50 examples of one pair with a probability of 0.08 or 1e-5.
    #expect(keys.count > 10 && values.count == 5)
  }

  /// The keys of the second half are in any order: each is at each place equally often.
  @Test func orderOfTheQuestionsIsUniform() throws {
    let task = try PairedRecall(keys: 3, values: 2, pairs: 3)
    var generator = SeededGenerator(seed: 1)
    var counts: [[Int]: Int] = [:]
    let draws = 6000
    for _ in 0..<draws {
      let keys = task.example(pairs: 3, using: &generator).keys
      counts[keys[3...].map { keys[..<3].firstIndex(of: $0)! }, default: 0] += 1
    }
    #expect(counts.count == 6)
    for count in counts.values {
      #expect(DrawsTests.isLikely(count, of: draws, probability: 1 / 6))
    }
  }

  @Test func examplesFollowFromTheGenerator() throws {
    let task = try PairedRecall()
    var (one, same, other) = (
      SeededGenerator(seed: 1), SeededGenerator(seed: 1), SeededGenerator(seed: 2)
    )
    let example = task.example(pairs: 9, using: &one)
    #expect(example == task.example(pairs: 9, using: &same))
    #expect(example != task.example(pairs: 9, using: &one))
    #expect(example != task.example(pairs: 9, using: &other))
  }

  @Test(arguments: [
    (0, 4, 1, "keys is 0, it has to be 1 to 65536"),
    (65537, 4, 1, "keys is 65537, it has to be 1 to 65536"),
    (4, 0, 1, "values is 0, it has to be 1 to 65536"),
    (4, 4, 0, "pairs is 0, it has to be 1 to the number of keys, 4"),
    (4, 4, 5, "pairs is 5, it has to be 1 to the number of keys, 4"),
  ])
  func impossibleSizesAreRefused(keys: Int, values: Int, pairs: Int, sentence: String) {
    let error = #expect(throws: TrainingError.self) {
      try PairedRecall(keys: keys, values: values, pairs: pairs)
    }
    #expect(error?.description == sentence)
  }
}
