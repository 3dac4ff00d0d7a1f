internal import LMNKernels
public import LMNLayers
public import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Selective copying (arXiv 2312.00752): data symbols at random places of a text of blanks, then
/// markers, whose answers are the symbols in order.
///
/// A text has M data symbols at distinct, uniformly random places of L + M tokens, the others are
/// blanks; M markers follow. Token 0 is the blank, 1 the marker, the others are data symbols.
public struct SelectiveCopying: AnswerTask {
  /// Size of an example.
  public struct Size: Sendable, Hashable, Encodable {
    /// L: number of blanks.
    public let blanks: Int
    /// M: number of data symbols.
    public let symbols: Int

    /// A size of `blanks` blanks and `symbols` data symbols.
    public init(blanks: Int, symbols: Int) {
      self.blanks = blanks
      self.symbols = symbols
    }
  }

  /// Name of the task.
  public static let name = "copying"
  /// A: size of the vocabulary, blank and marker included.
  public let vocabularySize: Int
  /// Sizes of the training examples.
  public let trainingSizes: [Size]
  /// Sizes of the test examples.
  public let testSizes: [Size]

  enum CodingKeys: String, CodingKey {
    case vocabularySize = "vocabulary"
    case trainingSizes = "training_sizes"
    case testSizes = "test_sizes"
  }

  /// A task over these sizes.
  ///
  /// - Parameters:
  ///   - vocabularySize: A.
  ///   - trainingSizes: Sizes of the training examples.
  ///   - testSizes: Sizes of the test examples.
  /// - Throws: ``AnswerTaskError`` when A is below 4, a size has no data symbol or L is negative.
  public init(
    vocabularySize: Int, trainingSizes: [Size], testSizes: [Size]
  ) throws(AnswerTaskError) {
    if trainingSizes.isEmpty || testSizes.isEmpty { throw .noSizes }
    for size in trainingSizes + testSizes
    where size.symbols < 1 || size.blanks < 0 || vocabularySize < 4 {
      throw .impossibleSize(
        "\(size.blanks) blanks and \(size.symbols) symbols of \(vocabularySize)",
        needs: "a symbol and a vocabulary of at least 4")
    }
    self.vocabularySize = vocabularySize
    self.trainingSizes = trainingSizes
    self.testSizes = testSizes
  }

  /// L + 2M.
  public func length(of size: Size) -> Int { size.blanks + 2 * size.symbols }

  /// A text, with the data symbols as the markers' targets.
  public func example(of size: Size, using generator: inout SeededGenerator) -> Example {
    let read = size.blanks + size.symbols
    let places = generator.draw(size.symbols, below: read).sorted()
    let data = places.map { _ in Token(2 + generator.integer(below: vocabularySize - 2)) }
    var inputs = [Token](repeating: 0, count: read) + data.map { _ in 1 }
    for (place, symbol) in zip(places, data) { inputs[place] = symbol }
    return Example(
      inputs: inputs, targets: [Token](repeating: ignoredTarget, count: read) + data)
  }

  /// Accuracy of single symbols and of whole texts, per size.
  public func scores(
    of network: LanguageNetwork, examples count: Int, using generator: inout SeededGenerator
  ) -> [Score] {
    testSizes.flatMap { size in
      let examples = (0..<count).map { _ in example(of: size, using: &generator) }
      let chance = 1 / Double(vocabularySize - 2)
      let guess = Score.guess(among: size.symbols, chance: chance)
      // A whole text is right if all of its symbols are.
      func score(_ measure: Score.Measure, right: Int, asked: Int, symbols: Int) -> Score {
        Score(
          measure: measure, length: length(of: size), pairs: size.symbols, depth: nil,
          asked: asked, value: Double(right) / Double(asked), chance: pow(chance, Double(symbols)),
          guess: pow(guess, Double(symbols)))
      }
      return [
        score(
          .accuracy, right: network.rightAnswers(to: examples), asked: count * size.symbols,
          symbols: 1),
        score(
          .exact, right: network.wholeAnswers(to: examples), asked: count,
          symbols: size.symbols),
      ]
    }
  }

  /// A table with a line per size and measure.
  public func table(of scores: [Score]) -> String {
    (["length  symbols   right  chance"]
      + scores.map { score in
        "\(score.length)".right(6) + "\(score.pairs)".right(9) + score.value.percent.right(8)
          + score.chance.percent.right(8) + (score.measure == .exact ? "  whole texts" : "")
      }).joined(separator: "\n")
  }
}
