internal import LMNKernels
public import LMNLayers
public import LMNModel

/// Induction heads (arXiv 2212.14052): a random text contains a trigger token with a symbol after
/// it, and ends with the trigger, whose answer is that symbol.
///
/// A text of length L has L − 3 random symbols; the first trigger stands anywhere before them or
/// between them, and the symbol after it is random, too.
public struct InductionHeads: AnswerTask {
  /// Name of the task.
  public static let name = "induction"
  /// Number of symbols; the trigger is the token after them.
  public let symbols: Int
  /// Lengths of the training texts.
  public let trainingSizes: [Int]
  /// Lengths of the test texts.
  public let testSizes: [Int]

  enum CodingKeys: String, CodingKey {
    case symbols
    case trainingSizes = "training_lengths"
    case testSizes = "test_lengths"
  }

  /// A task over these lengths.
  ///
  /// - Parameters:
  ///   - symbols: Number of symbols.
  ///   - trainingLengths: Lengths of the training texts.
  ///   - testLengths: Lengths of the test texts.
  /// - Throws: ``AnswerTaskError`` when a length is below 3 or there are no two symbols.
  public init(
    symbols: Int, trainingLengths: [Int], testLengths: [Int]
  ) throws(AnswerTaskError) {
    if trainingLengths.isEmpty || testLengths.isEmpty { throw .noSizes }
    for length in trainingLengths + testLengths where length < 3 || symbols < 2 {
      throw .impossibleSize(
        "\(length) tokens over \(symbols) symbols", needs: "3 tokens and 2 symbols")
    }
    self.symbols = symbols
    trainingSizes = trainingLengths
    testSizes = testLengths
  }

  /// V: the symbols and the trigger.
  public var vocabularySize: Int { symbols + 1 }

  /// L.
  public func length(of size: Int) -> Int { size }

  /// A text, with the symbol after the first trigger as the last token's target.
  public func example(of length: Int, using generator: inout SeededGenerator) -> Example {
    let trigger = Token(symbols)
    let place = generator.integer(below: length - 2)
    var inputs = (0..<length).map { _ in Token(generator.integer(below: symbols)) }
    (inputs[place], inputs[length - 1]) = (trigger, trigger)
    var targets = [Token](repeating: ignoredTarget, count: length)
    targets[length - 1] = inputs[place + 1]
    return Example(inputs: inputs, targets: targets)
  }

  /// Tokens of all tests of one length; longer texts are tested with fewer examples.
  private static let mostTokens = 1 << 23
  private static let fewestExamples = 16

  /// Accuracy per length; texts are read in chunks, so that their length takes no memory.
  public func scores(
    of network: LanguageNetwork, examples count: Int, using generator: inout SeededGenerator
  ) -> [Score] {
    testSizes.map { length in
      let count = min(count, max(Self.fewestExamples, Self.mostTokens / length))
      let examples = (0..<count).map { _ in example(of: length, using: &generator) }
      let found = network.continuations(of: examples.map(\.inputs), count: 1)
      let right = zip(found, examples).count { $0 == $1.targets.suffix(1) }
      return Score(
        measure: .accuracy, length: length, pairs: 1, depth: nil, asked: count,
        value: Double(right) / Double(count), chance: 1 / Double(symbols),
        guess: Score.guess(among: length - 2, chance: 1 / Double(symbols)))
    }
  }

  /// A table with a line per length.
  public func table(of scores: [Score]) -> String {
    (["  length   right  chance"]
      + scores.map { score in
        "\(score.length)".right(8) + score.value.percent.right(8) + score.chance.percent.right(8)
      }).joined(separator: "\n")
  }
}
