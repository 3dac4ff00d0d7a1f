import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct SegmentRecallTests {
  @Test(arguments: [1, 2, 4, 7], [2, 3, 6])
  func examplesAreAsDefined(pairs: Int, segments: Int) throws {
    let task = try SegmentRecall(pairs: pairs, values: 5, fillers: 3)
    #expect(task.segmentLength == 2 * pairs && task.vocabularySize == pairs + 8)
    let (keys, values, fillers) = (
      0..<Token(pairs), Token(pairs)..<Token(pairs + 5), Token(pairs + 5)..<Token(pairs + 8)
    )
    var seen: Set<Token> = []
    for seed in 0..<50 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let example = task.example(segments: segments, using: &generator)
      let (length, last) = (2 * pairs, 2 * pairs * (segments - 1))
      #expect(example.inputs.count == length * segments)
      #expect(example.targets.count == length * segments)

      var bound: [Token: Token] = [:]
      for place in stride(from: 0, to: length, by: 2) {
        bound[example.inputs[place]] = example.inputs[place + 1]
      }
      #expect(Set(bound.keys) == Set(keys) && bound.values.allSatisfy(values.contains))
      #expect(example.inputs[length..<last].allSatisfy(fillers.contains))

      var asked: Set<Token> = []
      for place in stride(from: last, to: last + length, by: 2) {
        asked.insert(example.inputs[place])
        #expect(example.targets[place] == bound[example.inputs[place]])
        #expect(fillers.contains(example.inputs[place + 1]))
        #expect(example.targets[place + 1] == ignoredTarget)
      }
      #expect(asked == Set(keys))
      #expect(example.targets[..<last].allSatisfy { $0 == ignoredTarget })
      seen.formUnion(example.inputs)
    }
    #expect(seen.count == task.vocabularySize)
  }

  /// Keys stand in any order in the first segment, and independently of it in the last.
  @Test func ordersAreUniformAndIndependent() throws {
    let task = try SegmentRecall(pairs: 3, values: 2, fillers: 1)
    var generator = SeededGenerator(seed: 1)
    var counts: [[Token]: Int] = [:]
    let draws = 12_000
    for _ in 0..<draws {
      let tokens = task.example(segments: 2, using: &generator).inputs
      counts[[0, 2, 4, 6, 8, 10].map { tokens[$0] }, default: 0] += 1
    }
    #expect(counts.count == 36)
    for count in counts.values {
      #expect(DrawsTests.isLikely(count, of: draws, probability: 1 / 36))
    }
  }

  @Test func examplesFollowFromTheGenerator() throws {
    let task = try SegmentRecall()
    var (one, same, other) = (
      SeededGenerator(seed: 1), SeededGenerator(seed: 1), SeededGenerator(seed: 2)
    )
    let example = task.example(segments: 4, using: &one)
    #expect(example == task.example(segments: 4, using: &same))
    #expect(example != task.example(segments: 4, using: &one))
    #expect(example != task.example(segments: 4, using: &other))
  }

  @Test(arguments: [
    (0, 4, 1, "pairs is 0, it has to be 1 to 65536"),
    (4, 65537, 1, "values is 65537, it has to be 1 to 65536"),
    (4, 4, 0, "fillers is 0, it has to be 1 to 65536"),
  ])
  func impossibleSizesAreRefused(pairs: Int, values: Int, fillers: Int, sentence: String) {
    let error = #expect(throws: TrainingError.self) {
      try SegmentRecall(pairs: pairs, values: values, fillers: fillers)
    }
    #expect(error?.description == sentence)
  }
}
