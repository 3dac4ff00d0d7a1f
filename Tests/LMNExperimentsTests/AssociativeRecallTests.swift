import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import Testing

@testable import LMNExperiments

@Suite struct AssociativeRecallTests {
  typealias Size = AssociativeRecall.Size

  static let sizes = [
    Size(length: 4, pairs: 1), Size(length: 8, pairs: 2), Size(length: 64, pairs: 4),
    Size(length: 64, pairs: 16), Size(length: 126, pairs: 1),
  ]

  private func task(
    _ sizes: [Size], vocabulary: Int = 127, hasRandomFiller: Bool = true
  ) throws -> AssociativeRecall {
    try AssociativeRecall(
      vocabularySize: vocabulary, trainingSizes: sizes, testSizes: sizes,
      hasRandomFiller: hasRandomFiller)
  }

  @Test(arguments: sizes)
  func examplesAreAsDefined(_ size: Size) throws {
    let (V, pairs) = (127, size.pairs)
    let (filled, empty) = (try task([size]), try task([size], hasRandomFiller: false))
    for seed in 0..<50 as Range<UInt64> {
      var (one, other) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed))
      let example = empty.example(of: size, using: &one)
      #expect(example.inputs.count == size.length && example.targets.count == size.length)

      let keys = (0..<pairs).map { example.inputs[2 * $0] }
      let values = (0..<pairs).map { example.inputs[2 * $0 + 1] }
      #expect(Set(keys).count == pairs && keys.allSatisfy { (1..<Token(V / 2)).contains($0) })
      #expect(Set(values).count == pairs && values.allSatisfy { (Token(V / 2)..<127).contains($0) })

      let asked = example.targets.indices.filter { example.targets[$0] >= 0 }
      #expect(asked.allSatisfy { $0 >= 2 * pairs && $0.isMultiple(of: 2) })
      #expect(asked.map { example.inputs[$0] }.sorted() == keys.sorted())
      for place in asked {
        let pair = try #require(keys.firstIndex(of: example.inputs[place]))
        #expect(example.targets[place] == values[pair])
      }
      let rest = (2 * pairs..<size.length).filter { !asked.contains($0) }
      #expect(rest.allSatisfy { example.inputs[$0] == 0 && example.targets[$0] == ignoredTarget })

      // The same example with random filler.
      let noisy = filled.example(of: size, using: &other)
      #expect(noisy.targets == example.targets)
      #expect(
        zip(noisy.inputs, example.inputs).allSatisfy { $1 == 0 ? $0 >= 0 && $0 < 127 : $0 == $1 })
    }
  }

  /// Slot distribution: p(i) ∝ i^(a − 1), a = 0.01, for slots from 1.
  @Test func questionsComeWhereTheirProbabilitiesSay() throws {
    let size = Size(length: 26, pairs: 1)
    let task = try task([size])
    var generator = SeededGenerator(seed: 3)
    let draws = 10_000
    var counts = [Int](repeating: 0, count: 12)
    for _ in 0..<draws {
      let targets = task.example(of: size, using: &generator).targets
      counts[(targets.firstIndex { $0 >= 0 }! - 2) / 2] += 1
    }
    let weights = (1...12).map { exp(-0.99 * log(Double($0))) }
    for slot in counts.indices {
      let probability = weights[slot] / weights.reduce(0, +)
      #expect(
        DrawsTests.isLikely(counts[slot], of: draws, probability: probability), "slot \(slot + 1)")
    }
  }

  /// Filler is uniform over the whole vocabulary, including keys and values.
  @Test func fillerIsUniform() throws {
    let size = Size(length: 8, pairs: 1)
    let (noisy, empty) = (
      try task([size], vocabulary: 10), try task([size], vocabulary: 10, hasRandomFiller: false)
    )
    var (counts, draws) = ([Int](repeating: 0, count: 10), 0)
    for seed in 0..<1000 as Range<UInt64> {
      var (one, other) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed))
      let blank = empty.example(of: size, using: &other).inputs
      for (token, blank) in zip(noisy.example(of: size, using: &one).inputs, blank) where blank == 0
      {
        counts[Int(token)] += 1
        draws += 1
      }
    }
    #expect(draws == 1000 * 5)
    for count in counts { #expect(DrawsTests.isLikely(count, of: draws, probability: 0.1)) }
  }

  @Test(arguments: [
    (Size(length: 7, pairs: 1), "7 tokens with 1 pairs needs an even length"),
    (Size(length: 10, pairs: 3), "10 tokens with 3 pairs needs 4 tokens per pair"),
    (Size(length: 8, pairs: 0), "8 tokens with 0 pairs needs a pair"),
    (
      Size(length: 64, pairs: 4),
      "64 tokens with 4 pairs needs a vocabulary of more than 64, not 64"
    ),
  ])
  func impossibleSizesAreRefused(_ size: Size, sentence: String) {
    let error = #expect(throws: AnswerTaskError.self) { try task([size], vocabulary: 64) }
    #expect(error?.description == "an example of " + sentence)
  }

  @Test func noSizesAreRefused() {
    #expect(throws: AnswerTaskError.noSizes) { try task([]) }
  }

  /// Accuracy of a network that answers each key with its value in the first example.
  @Test func scoresAreTheShareOfRightAnswers() throws {
    let size = Size(length: 16, pairs: 4)
    let task = try task([size], vocabulary: 17)
    var (generator, same) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
    let examples = (0..<12).map { _ in task.example(of: size, using: &same) }
    var answers = (0..<17).map { Token($0) }
    for pair in 0..<4 {
      answers[Int(examples[0].inputs[2 * pair])] = examples[0].inputs[2 * pair + 1]
    }
    let right = examples.map { example in
      zip(example.inputs, example.targets).count { $1 >= 0 && answers[Int($0)] == $1 }
    }
    #expect(right[0] == 4 && right.reduce(0, +) > 4)
    let scores = task.scores(of: try .answering(answers), examples: 12, using: &generator)
    #expect(scores.map(\.value) == [Double(right.reduce(0, +)) / 48])
  }

  /// `chance` is a guess among all 32 values, `guess` one among the pairs of the text.
  @Test func scoresComeWithGuesses() throws {
    let size = Size(length: 8, pairs: 2)
    let task = try task([size, Size(length: 16, pairs: 4)], vocabulary: 64)
    var generator = SeededGenerator(seed: 1)
    let network = try LanguageNetwork.small(vocabularySize: 64)
    let scores = task.scores(of: network, examples: 10, using: &generator)
    #expect(scores.map(\.length) == [8, 16] && scores.map(\.pairs) == [2, 4])
    #expect(scores.map(\.asked) == [20, 40])
    #expect(scores.map(\.chance) == [1 / 32, 1 / 32] && scores.map(\.guess) == [0.5, 0.25])
    #expect(scores.allSatisfy { $0.depth == nil && (0...1).contains($0.value) })
    let lines = task.table(of: scores).split(separator: "\n")
    #expect(lines.count == 3 && lines[1].contains("3.1") && lines[1].hasSuffix("50.0"))
  }
}

extension LanguageNetwork {
  /// A network whose likeliest token after token `t` is `answers[t]`, independent of the tokens
  /// before `t`.
  ///
  /// The embedding is the identity, all blocks add zero, and the head is a permutation.
  static func answering(_ answers: [Token]) throws -> LanguageNetwork {
    let size = answers.count
    var configuration = Configuration(vocabularySize: size)
    (configuration.width, configuration.logarithmic.heads, configuration.layers) = (size, 1, 1)
    var source = ParameterSource(seed: 1)
    var network = try LanguageNetwork(configuration, using: &source)
    network.forEachParameter { name, parameter in
      var scalars = [Float](repeating: name == "ln_f.weight" ? 1 : 0, count: parameter.value.count)
      for (token, answer) in answers.enumerated() {
        if name.hasPrefix("token_embedding_table") { scalars[token * size + token] = 1 }
        if name == "lm_head.weight" { scalars[Int(answer) * size + token] = 1 }
      }
      parameter = Variable(constant: Tensor(shape: parameter.value.shape, scalars: scalars))
    }
    return network
  }

  /// A network with parameters drawn with the seed.
  static func small(vocabularySize: Int, seed: UInt64 = 1) throws -> LanguageNetwork {
    var configuration = Configuration(vocabularySize: vocabularySize)
    (configuration.width, configuration.logarithmic.heads, configuration.layers) = (8, 2, 1)
    configuration.feedForward = 1
    var source = ParameterSource(seed: seed, initialisation: .normal)
    return try LanguageNetwork(configuration, using: &source)
  }
}
