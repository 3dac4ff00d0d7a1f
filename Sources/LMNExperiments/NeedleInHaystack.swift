internal import LMNKernels
public import LMNLayers
public import LMNModel
public import LMNTraining

/// Needle in a haystack, on characters: a text contains `<K:abc=73914>` and ends with the question
/// `<?abc=`, whose answer is the five digits.
///
/// A text has length L up to the question's `=`. At depth d percent, d percent of the haystack's
/// characters precede the needle. With several keys there are as many needles; the question is
/// about one, the others have random places. The haystack is a random window of a text, or random
/// letters.
public struct NeedleInHaystack: AnswerTask {
  /// Source of the haystack.
  public enum Haystack: Sendable {
    /// Random letters, a to z.
    case letters
    /// Windows of a text in UTF-8.
    case text([UInt8])
  }

  /// Name of the task.
  public static let name = "needle"
  /// Number of needles per text.
  public let keys: Int
  /// Lengths of the training texts; their needles have random places.
  public let trainingSizes: [Int]
  /// Lengths of the test texts, each tested at all ``depths``.
  public let testSizes: [Int]
  /// Tokenizer of the haystack's and the needles' characters.
  public let tokenizer: Tokenizer

  /// Tokens of the source text; nil for random letters.
  private let haystack: [Token]?
  /// Tokens of the characters in needles and random letters.
  private let tokens: [UInt8: Token]

  /// Depths of the tests, in percent.
  public static let depths = Array(stride(from: 0, through: 100, by: 10))
  /// Number of digits of a code.
  static let digits = 5
  private static let letters = Array("abcdefghijklmnopqrstuvwxyz".utf8)
  private static let (needleLength, questionLength) = ("<K:abc=73914>".count, "<?abc=".count)
  private static let mostKeys = 1000

  enum CodingKeys: String, CodingKey {
    case keys
    case trainingSizes = "training_lengths"
    case testSizes = "test_lengths"
    case vocabularySize = "vocabulary"
    case hasLetters = "random_letters"
  }

  /// Encodes the task, without the source text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(keys, forKey: .keys)
    try container.encode(trainingSizes, forKey: .trainingSizes)
    try container.encode(testSizes, forKey: .testSizes)
    try container.encode(vocabularySize, forKey: .vocabularySize)
    try container.encode(haystack == nil, forKey: .hasLetters)
  }

  /// A task over these lengths.
  ///
  /// - Parameters:
  ///   - haystack: Source of the haystack; a text must not contain `<`, `>` and `=`.
  ///   - keys: Number of needles per text.
  ///   - trainingLengths: Lengths of the training texts.
  ///   - testLengths: Lengths of the test texts.
  /// - Throws: ``AnswerTaskError`` when a length has no room for the needles, or the text is
  ///   unsuitable; `TokenizerError` when it is not UTF-8.
  public init(
    in haystack: Haystack = .letters, keys: Int = 1, trainingLengths: [Int], testLengths: [Int]
  ) throws {
    guard (1...Self.mostKeys).contains(keys) else {
      throw AnswerTaskError.keys(keys, most: Self.mostKeys)
    }
    guard !trainingLengths.isEmpty, !testLengths.isEmpty else { throw AnswerTaskError.noSizes }
    let needed = keys * Self.needleLength + Self.questionLength
    for length in trainingLengths + testLengths where length < needed {
      throw AnswerTaskError.impossibleSize(
        "\(length) characters", needs: "at least \(needed) for \(keys) keys and the question")
    }
    let alphabet = Array("<K:=>?0123456789".utf8) + Self.letters
    var text: [UInt8] = []
    if case .text(let bytes) = haystack {
      text = bytes
      for delimiter in ["<", ">", "="] as [Character] where text.contains(delimiter.asciiValue!) {
        throw AnswerTaskError.delimiter(delimiter)
      }
    }
    tokenizer = .characters(try Vocabulary(of: text + alphabet))
    tokens = Dictionary(
      uniqueKeysWithValues: zip(alphabet, try tokenizer.encode(alphabet)))
    switch haystack {
    case .letters: self.haystack = nil
    case .text:
      let tokens = try tokenizer.encode(text)
      let longest = (trainingLengths + testLengths).reduce(0, max) - needed
      guard tokens.count >= longest else {
        throw AnswerTaskError.textTooShort(characters: tokens.count, needed: longest)
      }
      self.haystack = tokens
    }
    self.keys = keys
    trainingSizes = trainingLengths
    testSizes = testLengths
  }

  /// V: number of distinct characters.
  public var vocabularySize: Int { tokenizer.vocabularySize }

  /// Number of input tokens: the text, and all digits of the answer but the last.
  public func length(of size: Int) -> Int { size + Self.digits - 1 }

  /// A text with the needle at a random place, and the digits as targets.
  public func example(of length: Int, using generator: inout SeededGenerator) -> Example {
    let straws = strawCount(of: length)
    return example(of: length, after: generator.integer(below: straws + 1), using: &generator)
  }

  /// A text with the needle at a depth in percent.
  func example(
    of length: Int, depth: Int, using generator: inout SeededGenerator
  ) -> Example {
    let straws = strawCount(of: length)
    return example(of: length, after: (straws * depth + 50) / 100, using: &generator)
  }

  /// Number of haystack characters.
  private func strawCount(of length: Int) -> Int {
    length - keys * Self.needleLength - Self.questionLength
  }

  private func example(
    of length: Int, after place: Int, using generator: inout SeededGenerator
  ) -> Example {
    let straws = straws(strawCount(of: length), using: &generator)
    let names = generator.draw(keys, below: 26 * 26 * 26).map(Self.key)
    let codes = (0..<keys).map { _ in
      (0..<Self.digits).map { _ in "\(generator.integer(below: 10))" }.joined()
    }
    // The first key is that of the question. Needles at the same place are in random order.
    let places = [place] + (1..<keys).map { _ in generator.integer(below: straws.count + 1) }
    let ranks = generator.draw(keys, below: keys)
    var (text, used): ([Token], Int) = ([], 0)
    for index in (0..<keys).sorted(by: { (places[$0], ranks[$0]) < (places[$1], ranks[$1]) }) {
      text += straws[used..<places[index]]
      text += encoded("<K:\(names[index])=\(codes[index])>")
      used = places[index]
    }
    text += straws[used...] + encoded("<?\(names[0])=")
    let code = encoded(codes[0])
    let silence = [Token](repeating: ignoredTarget, count: text.count - 1)
    return Example(inputs: text + code.dropLast(), targets: silence + code)
  }

  private func straws(_ count: Int, using generator: inout SeededGenerator) -> [Token] {
    guard let haystack else {
      return (0..<count).map { _ in
        tokens[Self.letters[generator.integer(below: Self.letters.count)]]!
      }
    }
    let start = generator.integer(below: haystack.count - count + 1)
    return Array(haystack[start..<start + count])
  }

  /// The key of a number, as three letters.
  private static func key(_ number: Int) -> String {
    String(
      decoding: [number / 676, number / 26 % 26, number % 26].map { letters[$0] }, as: UTF8.self)
  }

  private func encoded(_ text: String) -> [Token] { text.utf8.map { tokens[$0]! } }

  /// Accuracies of single digits and whole codes, by length and depth.
  public func scores(
    of network: LanguageNetwork, examples count: Int,
    using generator: inout SeededGenerator
  ) -> [Score] {
    testSizes.flatMap { length in
      Self.depths.flatMap { depth in
        let examples = (0..<count).map { _ in
          example(of: length, depth: depth, using: &generator)
        }
        let written = network.continuations(
          of: examples.map { Array($0.inputs.prefix(length)) }, count: Self.digits)
        let exact = zip(written, examples).count { $0 == Array($1.targets.suffix(Self.digits)) }
        func score(_ measure: Score.Measure, right: Int, asked: Int, chance: Double) -> Score {
          Score(
            measure: measure, length: length, pairs: keys, depth: depth, asked: asked,
            value: Double(right) / Double(asked), chance: chance,
            guess: measure == .exact && keys > 1 ? 1 / Double(keys) : nil)
        }
        return [
          score(
            .digits, right: network.rightAnswers(to: examples), asked: count * Self.digits,
            chance: 0.1),
          score(.exact, right: exact, asked: count, chance: 1e-5),
        ]
      }
    }
  }

  /// Accuracy of digits by the alignment of the needle: the place of its first character, modulo
  /// ``alignment``.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - length: Length of the texts.
  ///   - count: Number of examples per alignment.
  ///   - seed: Seed of the examples.
  /// - Returns: Accuracies by offset.
  /// - Precondition: There is one key, and a haystack of at least ``alignment`` characters.
  func digits(
    of network: LanguageNetwork, alignedAt length: Int, examples count: Int, seed: UInt64
  ) -> [(offset: Int, accuracy: Double)] {
    let straws = strawCount(of: length)
    precondition(keys == 1 && straws >= Self.alignment, "digits: no room for all alignments")
    var generator = SeededGenerator(seed: seed)
    return (0..<Self.alignment).map { offset in
      let places = (straws - offset) / Self.alignment + 1
      let examples = (0..<count).map { _ in
        let place = offset + Self.alignment * generator.integer(below: places)
        return example(of: length, after: place, using: &generator)
      }
      let right = network.rightAnswers(to: examples)
      return (offset, Double(right) / Double(count * Self.digits))
    }
  }

  /// Period of the alignments.
  static let alignment = 32

  /// For each measure a table with a line per depth and a column per length.
  public func table(of scores: [Score]) -> String {
    ([.digits, .exact] as [Score.Measure]).map { measure in
      let scores = scores.filter { $0.measure == measure }
      guard let first = scores.first else { return "" }
      let guess = first.guess.map { ", a guess among the codes shown \($0.percent)" } ?? ""
      func line(_ label: String, _ value: (Int) -> String) -> String {
        label.left(10) + testSizes.map { value($0).right(8) }.joined()
      }
      func share(_ length: Int, _ depth: Int?) -> String {
        let found = scores.filter {
          $0.length == length && (depth == nil || $0.depth == depth)
        }
        return (found.reduce(0) { $0 + $1.value } / Double(found.count)).percent
      }
      return
        ([
          "\(measure == .digits ? "right digits" : "whole codes"), %; chance "
            + first.chance.percent + guess, line("length") { "\($0)" },
        ] + Self.depths.map { depth in line("depth \(depth)") { share($0, depth) } }
        + [line("mean") { share($0, nil) }]).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }
}
