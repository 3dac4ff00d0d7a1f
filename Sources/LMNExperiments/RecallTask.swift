public import LMNKernels
public import LMNLayers
public import LMNModel

/// What a network reads, and what it is asked.
public struct Example: Sendable, Equatable {
  /// The tokens that it reads.
  public let inputs: [Token]
  /// As many: what the network has to answer to each, `ignoredTarget` where nothing is asked.
  public let targets: [Token]

  /// The same, with the next token asked for wherever nothing else is.
  var askingForAll: Example {
    let next = inputs.dropFirst() + [ignoredTarget]
    return Example(inputs: inputs, targets: zip(targets, next).map { $0 < 0 ? $1 : $0 })
  }
}

/// A task that asks for what was read, exactly: examples of several sizes, from a seed.
public protocol RecallTask: Sendable, Encodable {
  /// How large an example is.
  associatedtype Size: Sendable, Encodable

  /// What the task is called.
  static var name: String { get }
  /// V: tokens of the vocabulary.
  var vocabularySize: Int { get }
  /// The sizes that a network is trained on.
  var trainingSizes: [Size] { get }
  /// The sizes that it is tested on.
  var testSizes: [Size] { get }

  /// How many tokens an example has.
  func length(of size: Size) -> Int
  /// An example; it follows from the generator alone.
  func example(of size: Size, using generator: inout SeededGenerator) -> Example
  /// What a network knows, measured at the sizes to test on.
  ///
  /// - Parameters:
  ///   - network: Reads and answers.
  ///   - count: How many examples a score is measured by.
  ///   - generator: What examples follow from.
  /// - Returns: The scores, in the order of ``table(of:)``.
  func scores(
    of network: LanguageNetwork, examples count: Int,
    using generator: inout SeededGenerator
  ) -> [Score]
  /// Scores, for people.
  func table(of scores: [Score]) -> String
}

/// How well a network answers, beside what it could do without a memory.
public struct Score: Sendable, Equatable, Encodable {
  /// What is counted.
  public enum Measure: String, Sendable, Encodable {
    /// Answers of one token each.
    case accuracy
    /// Digits, each behind the right ones before it.
    case digits
    /// Whole codes, each digit behind those that the network has written itself.
    case exact
  }

  /// What is counted.
  public let measure: Measure
  /// L: tokens of the text up to the last question.
  public let length: Int
  /// Pairs of a key and a value in it.
  public let pairs: Int
  /// Where the answer stands, in percent of the text before the question; nil where it varies.
  public let depth: Int?
  /// How many answers were asked for.
  public let asked: Int
  /// The share that was right.
  public let value: Double
  /// What a guess among all possible answers gets.
  public let chance: Double
  /// What a guess among the answers that the text shows gets; nil where that is not defined.
  public let guess: Double?
}

/// Why a task cannot be made.
public enum RecallTaskError: Error, Equatable, CustomStringConvertible {
  /// No example can have such a size.
  case impossibleSize(String, needs: String)
  /// A list of sizes has nothing in it.
  case noSizes
  /// The text has a character that only needles may have.
  case delimiter(Character)
  /// The text is shorter than a haystack.
  case textTooShort(characters: Int, needed: Int)
  /// There cannot be so many keys.
  case keys(Int, most: Int)

  /// A sentence that names the value.
  public var description: String {
    switch self {
    case .impossibleSize(let size, let need): "an example of \(size) needs \(need)"
    case .noSizes: "there has to be a size to train on and one to test on"
    case .delimiter(let character):
      "the text has a '\(character)', by which needles are told from a haystack"
    case .textTooShort(let characters, let needed):
      "the text has \(characters) characters, but the longest haystack \(needed)"
    case .keys(let keys, let most): "the number of keys is \(keys), it has to be 1 to \(most)"
    }
  }
}
