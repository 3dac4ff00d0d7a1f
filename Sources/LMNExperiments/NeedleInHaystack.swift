internal import LMNKernels
public import LMNLayers
public import LMNModel
public import LMNTraining

/// A needle in a haystack, character by character: somewhere in a text stands `<K:abc=73914>`, and at
/// its end `<?abc=`, which asks for the five digits.
///
/// A text of length L ends with the question's `=`. At depth d percent, d percent of the haystack's
/// characters stand before the needle. With several keys there are as many needles, of which one is
/// asked for; the others stand anywhere. The haystack is a random window of a text, or random
/// letters, of which no model can make anything.
public struct NeedleInHaystack: RecallTask {
  /// What needles are hidden in.
  public enum Haystack: Sendable {
    /// Random letters, a to z.
    case letters
    /// Windows of a text in UTF-8.
    case text([UInt8])
  }

  /// What the task is called.
  public static let name = "needle"
  /// Needles in a text.
  public let keys: Int
  /// The lengths that a network is trained on, with a needle anywhere.
  public let trainingSizes: [Int]
  /// The lengths that it is tested on, at every one of ``depths``.
  public let testSizes: [Int]
  /// From characters to tokens: those of the text, and those of needles.
  public let tokenizer: Tokenizer

  /// The text's tokens; nil for random letters.
  private let haystack: [Token]?
  /// The tokens of the characters that needles and random letters are made of.
  private let tokens: [UInt8: Token]

  /// In percent.
  public static let depths = Array(stride(from: 0, through: 100, by: 10))
  /// Digits of a code.
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

  /// Writes what is to be known about the task; the text is not.
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
  ///   - haystack: What needles are hidden in; it has no `<`, `>` and `=`.
  ///   - keys: Needles in a text.
  ///   - trainingLengths: What to train on.
  ///   - testLengths: What to test on.
  /// - Throws: ``RecallTaskError`` when a length has no room for the needles, or the text is
  ///   unsuitable; `TokenizerError` when it is no UTF-8.
  public init(
    in haystack: Haystack = .letters, keys: Int = 1, trainingLengths: [Int], testLengths: [Int]
  ) throws {
    guard (1...Self.mostKeys).contains(keys) else {
      throw RecallTaskError.keys(keys, most: Self.mostKeys)
    }
    guard !trainingLengths.isEmpty, !testLengths.isEmpty else { throw RecallTaskError.noSizes }
    let needed = keys * Self.needleLength + Self.questionLength
    for length in trainingLengths + testLengths where length < needed {
      throw RecallTaskError.impossibleSize(
        "\(length) characters", needs: "at least \(needed) for \(keys) keys and the question")
    }
    let alphabet = Array("<K:=>?0123456789".utf8) + Self.letters
    var text: [UInt8] = []
    if case .text(let bytes) = haystack {
      text = bytes
      for delimiter in ["<", ">", "="] as [Character] where text.contains(delimiter.asciiValue!) {
        throw RecallTaskError.delimiter(delimiter)
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
        throw RecallTaskError.textTooShort(characters: tokens.count, needed: longest)
      }
      self.haystack = tokens
    }
    self.keys = keys
    trainingSizes = trainingLengths
    testSizes = testLengths
  }

  /// V: distinct characters.
  public var vocabularySize: Int { tokenizer.vocabularySize }

  /// The text, and the digits before the last.
  public func length(of size: Int) -> Int { size + Self.digits - 1 }

  /// A text with the needle anywhere, and the digits, which are asked for.
  public func example(of length: Int, using generator: inout SeededGenerator) -> Example {
    let straws = strawCount(of: length)
    return example(of: length, behind: generator.integer(below: straws + 1), using: &generator)
  }

  /// The same with the needle at a depth, in percent.
  func example(
    of length: Int, depth: Int, using generator: inout SeededGenerator
  ) -> Example {
    let straws = strawCount(of: length)
    return example(of: length, behind: (straws * depth + 50) / 100, using: &generator)
  }

  /// Characters of the haystack alone.
  private func strawCount(of length: Int) -> Int {
    length - keys * Self.needleLength - Self.questionLength
  }

  private func example(
    of length: Int, behind place: Int, using generator: inout SeededGenerator
  ) -> Example {
    let straws = straws(strawCount(of: length), using: &generator)
    let names = generator.draw(keys, below: 26 * 26 * 26).map(Self.key)
    let codes = (0..<keys).map { _ in
      (0..<Self.digits).map { _ in "\(generator.integer(below: 10))" }.joined()
    }
    // The first key is the one that is asked for. Needles at one place stand in random order.
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

  /// Three letters that stand for a number.
  private static func key(_ number: Int) -> String {
    String(
      decoding: [number / 676, number / 26 % 26, number % 26].map { letters[$0] }, as: UTF8.self)
  }

  private func encoded(_ text: String) -> [Token] { text.utf8.map { tokens[$0]! } }

  /// Digits and whole codes, length by length and depth by depth.
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

  /// For each measure, a line per depth and a column per length.
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
