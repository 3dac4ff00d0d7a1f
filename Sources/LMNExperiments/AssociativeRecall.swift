internal import LMNKernels
public import LMNLayers
public import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Multi-query associative recall (arXiv 2312.04927): pairs of a key and a value, then queries,
/// which are some of the keys; the answer to each is its value.
///
/// An example of length L with N pairs begins with `k₁ v₁ … k_N v_N`; keys are distinct tokens of 1
/// ..< ⌊V/2⌋, values tokens of ⌊V/2⌋ ..< V. The rest is divided into slots of two tokens, i = 1, 2,
/// … from the left. N distinct slots are drawn with probabilities p(i) ∝ i^(a − 1), a = 0.01; the
/// first token of such a slot is a key, with the value as its target. The value is not part of the
/// input. All other tokens are filler: 0, or uniform in 0 ..< V, which includes keys and values.
public struct AssociativeRecall: AnswerTask {
  /// Size of an example.
  public struct Size: Sendable, Hashable, Encodable {
    /// L: tokens, an even number.
    public let length: Int
    /// N: number of pairs, and of queries.
    public let pairs: Int

    /// A size of `length` tokens and `pairs` pairs.
    public init(length: Int, pairs: Int) {
      self.length = length
      self.pairs = pairs
    }
  }

  /// Name of the task.
  public static let name = "recall"
  /// V: size of the vocabulary.
  public let vocabularySize: Int
  /// Sizes of the training examples.
  public let trainingSizes: [Size]
  /// Sizes of the test examples.
  public let testSizes: [Size]
  /// Whether filler tokens are random; otherwise they are 0.
  public let hasRandomFiller: Bool

  /// a: exponent of the slot distribution; smaller values put queries closer to the pairs.
  static let power = 0.01

  enum CodingKeys: String, CodingKey {
    case vocabularySize = "vocabulary"
    case trainingSizes = "training_sizes"
    case testSizes = "test_sizes"
    case hasRandomFiller = "random_filler"
  }

  /// A task over these sizes.
  ///
  /// - Parameters:
  ///   - vocabularySize: V.
  ///   - trainingSizes: Sizes of the training examples.
  ///   - testSizes: Sizes of the test examples.
  ///   - hasRandomFiller: Whether filler tokens are random; otherwise they are 0.
  /// - Throws: ``AnswerTaskError`` when L is odd, V not above L, or 4N above L.
  public init(
    vocabularySize: Int, trainingSizes: [Size], testSizes: [Size], hasRandomFiller: Bool = true
  ) throws(AnswerTaskError) {
    if trainingSizes.isEmpty || testSizes.isEmpty { throw .noSizes }
    for size in trainingSizes + testSizes {
      let words = "\(size.length) tokens with \(size.pairs) pairs"
      if size.pairs < 1 { throw .impossibleSize(words, needs: "a pair") }
      if size.length % 2 != 0 { throw .impossibleSize(words, needs: "an even length") }
      if size.pairs > size.length / 4 {
        throw .impossibleSize(words, needs: "4 tokens per pair")
      }
      if vocabularySize <= size.length {
        throw .impossibleSize(
          words, needs: "a vocabulary of more than \(size.length), not \(vocabularySize)")
      }
    }
    self.vocabularySize = vocabularySize
    self.trainingSizes = trainingSizes
    self.testSizes = testSizes
    self.hasRandomFiller = hasRandomFiller
  }

  /// L.
  public func length(of size: Size) -> Int { size.length }

  /// An example, determined by the generator's state.
  public func example(of size: Size, using generator: inout SeededGenerator) -> Example {
    let keys = generator.draw(size.pairs, below: firstValue - 1).map { Token($0 + 1) }
    let values = generator.draw(size.pairs, below: valueCount).map { Token($0 + firstValue) }
    let slots = generator.draw(size.pairs, byWeights: Self.slotWeights(of: size))
    var inputs = [Token](repeating: 0, count: size.length)
    var targets = [Token](repeating: ignoredTarget, count: size.length)
    for pair in 0..<size.pairs {
      (inputs[2 * pair], inputs[2 * pair + 1]) = (keys[pair], values[pair])
      let question = 2 * (size.pairs + slots[pair])
      (inputs[question], targets[question]) = (keys[pair], values[pair])
    }
    if hasRandomFiller {
      for place in inputs.indices where inputs[place] == 0 {
        inputs[place] = Token(generator.integer(below: vocabularySize))
      }
    }
    return Example(inputs: inputs, targets: targets)
  }

  private var firstValue: Int { vocabularySize / 2 }
  private var valueCount: Int { vocabularySize - firstValue }

  /// Unnormalised probabilities of the slots.
  static func slotWeights(of size: Size) -> [Double] {
    let slots = (size.length - 2 * size.pairs) / 2
    return (1...slots).map { pow(Double($0), power - 1) }
  }

  /// Accuracy of the answers, per size.
  public func scores(
    of network: LanguageNetwork, examples count: Int,
    using generator: inout SeededGenerator
  ) -> [Score] {
    testSizes.map { size in
      let examples = (0..<count).map { _ in example(of: size, using: &generator) }
      let asked = count * size.pairs
      return Score(
        measure: .accuracy, length: size.length, pairs: size.pairs, depth: nil, asked: asked,
        value: Double(network.rightAnswers(to: examples)) / Double(asked),
        chance: 1 / Double(valueCount), guess: 1 / Double(size.pairs))
    }
  }

  /// A table with a line per size.
  public func table(of scores: [Score]) -> String {
    var lines = ["length  pairs   right  chance  guess among the pairs"]
    for score in scores {
      lines.append(
        [
          "\(score.length)".right(6), "\(score.pairs)".right(5), score.value.percent.right(6),
          score.chance.percent.right(6), (score.guess ?? 0).percent.right(6),
        ].joined(separator: "  "))
    }
    return lines.joined(separator: "\n")
  }
}
