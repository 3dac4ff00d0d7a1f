internal import LMNKernels
public import LMNLayers
public import LMNModel
public import LMNTraining

/// Needle in a haystack, on characters: a text contains `<K:abc=73914>` and ends with the question
/// `<?abc=`, whose answer is the code, five digits.
///
/// A text has length L up to the last question's `=`. At depth d percent, d percent of the
/// haystack's characters precede the needle that is asked for first. Further needles have random
/// places. The haystack is a random window of a text, or random letters. Variants are named as in
/// RULER (arXiv 2404.06654).
public struct NeedleInHaystack: AnswerTask {
  /// Source of the haystack.
  public enum Haystack: Sendable {
    /// Random letters, a to z.
    case letters
    /// Windows of a text in UTF-8.
    case text([UInt8])
  }

  /// Needles and questions of a text.
  public struct Variant: Sendable, Equatable, Encodable {
    /// Number of keys in a text.
    public var keys: Int
    /// Number of needles with the key of the first question, whose answer is their codes in the
    /// order of the text.
    public var values: Int
    /// Number of questions, about different keys; each is followed by its answer and `>`.
    public var queries: Int
    /// Whether every second text, on average, does not contain the key of its first question, whose
    /// answer is then `-----`.
    public var hasMissingKeys: Bool

    /// A variant; by default one needle and one question.
    public init(keys: Int = 1, values: Int = 1, queries: Int = 1, hasMissingKeys: Bool = false) {
      (self.keys, self.values, self.queries) = (keys, values, queries)
      self.hasMissingKeys = hasMissingKeys
    }

    enum CodingKeys: String, CodingKey {
      case keys, values, queries
      case hasMissingKeys = "missing_keys"
    }

    /// Number of needles per text.
    var needles: Int { keys + values - 1 }
    /// Number of answered characters of each question.
    func answerLength(of query: Int) -> Int {
      NeedleInHaystack.digits * (query == 0 ? values : 1)
    }
    /// Number of answered characters of all questions.
    var answerLength: Int { (0..<queries).reduce(0) { $0 + answerLength(of: $1) } }
    /// Number of characters of needles and questions up to the last question's `=`.
    fileprivate var characters: Int {
      needles * NeedleInHaystack.needleLength + queries * NeedleInHaystack.questionLength
        + (0..<queries - 1).reduce(0) { $0 + answerLength(of: $1) + 1 }
    }
  }

  /// Name of the task.
  public static let name = "needle"
  /// Needles and questions of a text.
  public let variant: Variant
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
  private static let mostNeedles = 1000
  private static let missing = String(repeating: "-", count: digits)

  enum CodingKeys: String, CodingKey {
    case trainingSizes = "training_lengths"
    case testSizes = "test_lengths"
    case vocabularySize = "vocabulary"
    case hasLetters = "random_letters"
  }

  /// Encodes the task, without the source text.
  public func encode(to encoder: any Encoder) throws {
    try variant.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(trainingSizes, forKey: .trainingSizes)
    try container.encode(testSizes, forKey: .testSizes)
    try container.encode(vocabularySize, forKey: .vocabularySize)
    try container.encode(haystack == nil, forKey: .hasLetters)
  }

  /// A task over these lengths.
  ///
  /// - Parameters:
  ///   - haystack: Source of the haystack; a text must not contain `<`, `>` and `=`.
  ///   - variant: Needles and questions of a text.
  ///   - trainingLengths: Lengths of the training texts.
  ///   - testLengths: Lengths of the test texts.
  /// - Throws: ``AnswerTaskError`` when a length has no room for the needles, or the text is
  ///   unsuitable; `TokenizerError` when it is not UTF-8.
  public init(
    in haystack: Haystack = .letters, _ variant: Variant = Variant(), trainingLengths: [Int],
    testLengths: [Int]
  ) throws {
    let counts = [
      ("keys", variant.keys, Self.mostNeedles), ("values", variant.values, Self.mostNeedles),
      ("queries", variant.queries, variant.keys),
    ]
    for (name, count, most) in counts where !(1...max(1, most)).contains(count) {
      throw AnswerTaskError.count(name, count, most: max(1, most))
    }
    guard !trainingLengths.isEmpty, !testLengths.isEmpty else { throw AnswerTaskError.noSizes }
    let needed = variant.characters
    for length in trainingLengths + testLengths where length < needed {
      throw AnswerTaskError.impossibleSize(
        "\(length) characters",
        needs: "at least \(needed), for \(Self.count(variant.needles, "needle")) and "
          + Self.count(variant.queries, "question"))
    }
    let alphabet =
      Array("<K:=>?0123456789".utf8) + Self.letters
      + (variant.hasMissingKeys ? Array(Self.missing.utf8.prefix(1)) : [])
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
    self.variant = variant
    trainingSizes = trainingLengths
    testSizes = testLengths
  }

  private static func count(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  /// V: number of distinct characters.
  public var vocabularySize: Int { tokenizer.vocabularySize }

  /// Number of input tokens: the text, and all characters of the last answer but the last.
  public func length(of size: Int) -> Int {
    size + variant.answerLength(of: variant.queries - 1) - 1
  }

  /// A text with the first needle at a random place, and the answers as targets.
  public func example(of length: Int, using generator: inout SeededGenerator) -> Example {
    let straws = length - variant.characters
    return example(of: length, after: generator.integer(below: straws + 1), using: &generator)
  }

  /// A text with the first needle at a depth in percent.
  func example(
    of length: Int, depth: Int, using generator: inout SeededGenerator
  ) -> Example {
    let straws = length - variant.characters
    return example(of: length, after: (straws * depth + 50) / 100, using: &generator)
  }

  private func example(
    of length: Int, after place: Int, using generator: inout SeededGenerator
  ) -> Example {
    let (straws, count) = (
      straws(length - variant.characters, using: &generator), variant.needles
    )
    // The last name is that of no needle.
    let names = generator.draw(
      variant.keys + (variant.hasMissingKeys ? 1 : 0), below: 26 * 26 * 26
    ).map(Self.key)
    let codes = (0..<count).map { _ in
      (0..<Self.digits).map { _ in "\(generator.integer(below: 10))" }.joined()
    }
    // Needles beyond the keys have the first one. Needles at the same place are in random order.
    let keys = (0..<count).map { $0 < variant.keys ? $0 : 0 }
    let places = [place] + (1..<count).map { _ in generator.integer(below: straws.count + 1) }
    let ranks = generator.draw(count, below: count)
    let isMissing = variant.hasMissingKeys && generator.integer(below: 2) == 0
    let order = (0..<count).sorted { (places[$0], ranks[$0]) < (places[$1], ranks[$1]) }
    var (text, used): ([Token], Int) = ([], 0)
    for index in order {
      text += straws[used..<places[index]]
      text += encoded("<K:\(names[keys[index]])=\(codes[index])>")
      used = places[index]
    }
    text += straws[used...]
    var targets = [Token](repeating: ignoredTarget, count: text.count)
    for query in 0..<variant.queries {
      let isUnknown = query == 0 && isMissing
      let answer =
        isUnknown
        ? Array(repeating: Self.missing, count: variant.values)
        : order.filter { keys[$0] == query }.map { codes[$0] }
      let question = encoded("<?\(isUnknown ? names[variant.keys] : names[query])=")
      let code = encoded(answer.joined())
      text += question + code
      targets += [Token](repeating: ignoredTarget, count: question.count - 1) + code
      if query < variant.queries - 1 {
        text += encoded(">")
        targets += [ignoredTarget, ignoredTarget]
      }
    }
    return Example(inputs: Array(text.dropLast()), targets: targets)
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

  /// Accuracies of single digits and of whole answers, by length and depth.
  public func scores(
    of network: LanguageNetwork, examples count: Int,
    using generator: inout SeededGenerator
  ) -> [Score] {
    testSizes.flatMap { length in
      Self.depths.flatMap { depth in
        let examples = (0..<count).map { _ in
          example(of: length, depth: depth, using: &generator)
        }
        func score(
          _ measure: Score.Measure, right: Int, asked: Int, chance: Double, guess: Double?
        ) -> Score {
          Score(
            measure: measure, length: length, pairs: variant.needles, depth: depth, asked: asked,
            value: Double(right) / Double(asked), chance: chance, guess: guess)
        }
        return [
          score(
            .digits, right: network.rightAnswers(to: examples),
            asked: count * variant.answerLength, chance: 0.1, guess: nil),
          score(
            .exact, right: rightTexts(network, examples), asked: count,
            chance: Self.chance(variant.answerLength), guess: guess),
        ]
      }
    }
  }

  /// Number of texts all of whose answers are decoded right, each after the right preceding ones.
  private func rightTexts(_ network: LanguageNetwork, _ examples: [Example]) -> Int {
    var areRight = [Bool](repeating: true, count: examples.count)
    // Targets of the questions are consecutive, from the first one's.
    var first = examples[0].targets.firstIndex { $0 >= 0 } ?? 0
    for query in 0..<variant.queries {
      let count = variant.answerLength(of: query)
      let written = network.continuations(
        of: examples.map { Array($0.inputs.prefix(first + 1)) }, count: count)
      for (index, example) in examples.enumerated()
      where written[index] != Array(example.targets[first..<first + count]) {
        areRight[index] = false
      }
      first += count + 1 + Self.questionLength
    }
    return areRight.count { $0 }
  }

  /// Probability of a right guess of digits.
  private static func chance(_ digits: Int) -> Double {
    1 / (0..<digits).reduce(1) { codes, _ in 10 * codes }
  }

  /// Accuracy of a random choice among the codes of the text, in their order, or, where keys may be
  /// missing, of always saying so; nil where only one answer is possible.
  private var guess: Double? {
    if variant.needles == 1 && !variant.hasMissingKeys { return nil }
    func choices(_ count: Int, of all: Int) -> Double {
      (0..<count).reduce(1) { $0 * Double(all - $1) / Double(count - $1) }
    }
    return (0..<variant.queries).reduce(1) {
      $1 == 0 && variant.hasMissingKeys
        ? $0 / 2 : $0 / choices($1 == 0 ? variant.values : 1, of: variant.needles)
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
  /// - Precondition: There is one needle, and a haystack of at least ``alignment`` characters.
  func digits(
    of network: LanguageNetwork, alignedAt length: Int, examples count: Int, seed: UInt64
  ) -> [(offset: Int, accuracy: Double)] {
    let straws = length - variant.characters
    precondition(
      variant == Variant() && straws >= Self.alignment, "digits: no room for all alignments")
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
      let rule = variant.hasMissingKeys ? "no key found" : "a guess among the codes shown"
      let guess = first.guess.map { ", \(rule) \($0.percent)" } ?? ""
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
