public import LMNKernels
public import LMNLayers
public import LMNModel

/// Input and targets of a task with exact answers.
public struct Example: Sendable, Equatable {
  /// Input tokens.
  public let inputs: [Token]
  /// A target per input; `ignoredTarget` where there is none.
  public let targets: [Token]

  /// The same example with the next token as target wherever there is no other.
  var predictingAll: Example {
    let next = inputs.dropFirst() + [ignoredTarget]
    return Example(inputs: inputs, targets: zip(targets, next).map { $0 < 0 ? $1 : $0 })
  }
}

/// A task with exact answers: examples of several sizes, from a seed.
public protocol AnswerTask: Sendable, Encodable {
  /// Size of an example.
  associatedtype Size: Sendable, Encodable

  /// Name of the task.
  static var name: String { get }
  /// V: size of the vocabulary.
  var vocabularySize: Int { get }
  /// Sizes of the training examples.
  var trainingSizes: [Size] { get }
  /// Sizes of the test examples.
  var testSizes: [Size] { get }

  /// Number of tokens of an example.
  func length(of size: Size) -> Int
  /// An example, determined by the generator's state.
  func example(of size: Size, using generator: inout SeededGenerator) -> Example
  /// Scores of a network at the test sizes.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - count: Number of examples per score.
  ///   - generator: Generator of the examples.
  /// - Returns: The scores, in the order of ``table(of:)``.
  func scores(
    of network: LanguageNetwork, examples count: Int,
    using generator: inout SeededGenerator
  ) -> [Score]
  /// Scores as a text table.
  func table(of scores: [Score]) -> String
}

/// Accuracy of a network, with the accuracies of guessing.
public struct Score: Sendable, Equatable, Encodable {
  /// Unit of an accuracy.
  public enum Measure: String, Sendable, Encodable {
    /// Answers of one token each.
    case accuracy
    /// Digits, each predicted after the right preceding digits.
    case digits
    /// Whole answers of several tokens.
    case exact
  }

  /// Unit that is counted.
  public let measure: Measure
  /// L: number of tokens up to the last question.
  public let length: Int
  /// Number of pairs of key and value.
  public let pairs: Int
  /// Depth of the answer, in percent of the text before the question; nil where it varies.
  public let depth: Int?
  /// Number of answers.
  public let asked: Int
  /// Fraction of right answers.
  public let value: Double
  /// Accuracy of the best guess that reads nothing: one of all possible answers.
  public let chance: Double
  /// Accuracy of a simple rule that reads the text, such as a guess among the answers shown in it;
  /// nil where there is none.
  public let guess: Double?

  /// Accuracy of a uniform guess among `shown` independent answers in the text, one of which is right.
  ///
  /// - Parameters:
  ///   - shown: Number of answers shown.
  ///   - chance: Probability that another one is equal to the right one.
  /// - Returns: 1 / n + (1 − 1 / n) · chance.
  static func guess(among shown: Int, chance: Double) -> Double {
    (1 + Double(shown - 1) * chance) / Double(shown)
  }
}

/// An invalid task.
public enum AnswerTaskError: Error, Equatable, CustomStringConvertible {
  /// No example can have this size.
  case impossibleSize(String, needs: String)
  /// A list of sizes is empty.
  case noSizes
  /// The text contains a character that is reserved for needles.
  case delimiter(Character)
  /// The text is shorter than a haystack.
  case textTooShort(characters: Int, needed: Int)
  /// A number of keys, values or queries is out of range.
  case count(_ name: String, Int, most: Int)

  /// A sentence that names the value.
  public var description: String {
    switch self {
    case .impossibleSize(let size, let need): "an example of \(size) needs \(need)"
    case .noSizes: "the training sizes or the test sizes are empty"
    case .delimiter(let character):
      "the text contains '\(character)', which is reserved for needles"
    case .textTooShort(let characters, let needed):
      "the text has \(characters) characters, but the longest haystack needs \(needed)"
    case .count(let name, let count, let most):
      "the number of \(name) is \(count), it has to be 1 to \(most)"
    }
  }
}
