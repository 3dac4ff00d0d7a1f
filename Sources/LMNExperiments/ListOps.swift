internal import LMNKernels
public import LMNLayers
public import LMNModel

/// ListOps (arXiv 1804.06028, by the generator of the Long Range Arena): nested lists of digits with
/// an operator each, whose answer is the value, a digit.
///
/// While its depth is below the maximum, a node is a list with probability 1/4, of uniformly 2 to the
/// most arguments, otherwise a digit. Operators are minimum, maximum, median rounded down, and sum
/// modulo 10. Trees of other lengths are drawn anew. A text is filled up with padding on its left,
/// and its last token is the root's bracket.
public struct ListOps: AnswerTask {
  /// Sizes of trees.
  public struct Size: Sendable, Hashable, Encodable {
    /// Numbers of operators, digits and closing brackets; excludes its lower bound.
    public let lengths: Range<Int>
    /// Depth of the deepest node, the root's is 1.
    public let depth: Int
    /// Most arguments of an operator.
    public let arguments: Int

    /// A size; a tree is longer than `lengths.lowerBound` and shorter than `lengths.upperBound`.
    public init(lengths: Range<Int>, depth: Int, arguments: Int) {
      self.lengths = lengths
      self.depth = depth
      self.arguments = arguments
    }

    /// The published size: 500 to 2,000 tokens.
    public static let longRangeArena = Size(lengths: 500..<2000, depth: 10, arguments: 10)

    enum CodingKeys: String, CodingKey { case shortest, longest, depth, arguments }

    /// Encodes the inclusive bounds.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(lengths.lowerBound + 1, forKey: .shortest)
      try container.encode(lengths.upperBound - 1, forKey: .longest)
      try container.encode(depth, forKey: .depth)
      try container.encode(arguments, forKey: .arguments)
    }
  }

  /// An operator.
  enum Operator: Int, CaseIterable {
    case minimum, maximum, median, sum

    func callAsFunction(_ values: [Int]) -> Int {
      let sorted = values.sorted()
      let middle = sorted.count / 2
      return switch self {
      case .minimum: sorted[0]
      case .maximum: sorted[sorted.count - 1]
      case .median:
        sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
      case .sum: values.reduce(0, +) % 10
      }
    }

    var token: Token { Token(10 + rawValue) }
  }

  static let closing: Token = 14
  static let padding: Token = 15

  /// Name of the task.
  public static let name = "listops"
  /// Sizes of the training examples.
  public let trainingSizes: [Size]
  /// Sizes of the test examples.
  public let testSizes: [Size]
  /// V: digits, operators, closing bracket and padding.
  public var vocabularySize: Int { 16 }

  enum CodingKeys: String, CodingKey {
    case trainingSizes = "training_sizes"
    case testSizes = "test_sizes"
  }

  /// A task over these sizes.
  ///
  /// - Throws: ``AnswerTaskError`` when no tree, or hardly any, has a size.
  public init(trainingSizes: [Size], testSizes: [Size]) throws(AnswerTaskError) {
    if trainingSizes.isEmpty || testSizes.isEmpty { throw .noSizes }
    for size in trainingSizes + testSizes {
      var generator = SeededGenerator(seed: 1)
      let isPossible =
        size.depth > 1 && size.arguments > 1 && size.lengths.lowerBound > 0
        && (0..<10_000).contains { _ in Self.tree(size, using: &generator) != nil }
      if !isPossible {
        throw .impossibleSize(
          "\(size.lengths.lowerBound + 1) to \(size.lengths.upperBound - 1) tokens, depth "
            + "\(size.depth), \(size.arguments) arguments",
          needs: "lengths that one of 10,000 random trees has")
      }
    }
    self.trainingSizes = trainingSizes
    self.testSizes = testSizes
  }

  /// Length of a padded text.
  public func length(of size: Size) -> Int { size.lengths.upperBound - 1 }

  /// A tree, padded on the left, with its value as the last token's target.
  public func example(of size: Size, using generator: inout SeededGenerator) -> Example {
    var found = Self.tree(size, using: &generator)
    while found == nil { found = Self.tree(size, using: &generator) }
    let (tokens, value) = found!
    let length = length(of: size)
    return Example(
      inputs: [Token](repeating: Self.padding, count: length - tokens.count) + tokens,
      targets: [Token](repeating: ignoredTarget, count: length - 1) + [Token(value)])
  }

  /// A random tree and its value; nil for one of another length.
  static func tree(
    _ size: Size, using generator: inout SeededGenerator
  ) -> (tokens: [Token], value: Int)? {
    var tokens: [Token] = []
    // A tree that is already too long is given up.
    func node(depth: Int) -> Int? {
      guard tokens.count < size.lengths.upperBound else { return nil }
      guard depth < size.depth, generator.integer(below: 4) == 0 else {
        let digit = generator.integer(below: 10)
        tokens.append(Token(digit))
        return digit
      }
      let operation = Operator.allCases[generator.integer(below: Operator.allCases.count)]
      tokens.append(operation.token)
      var values: [Int] = []
      for _ in 0..<2 + generator.integer(below: size.arguments - 1) {
        guard let value = node(depth: depth + 1) else { return nil }
        values.append(value)
      }
      tokens.append(closing)
      return operation(values)
    }
    guard let value = node(depth: 1), tokens.count > size.lengths.lowerBound,
      tokens.count < size.lengths.upperBound
    else { return nil }
    return (tokens, value)
  }

  /// Answers without a network, learned from examples: the most frequent value, and the most
  /// frequent one by the root's operator.
  struct Baselines {
    let majority: Token
    let byOperator: [Token: Token]

    init(of examples: [Example]) {
      func mostFrequent(_ values: [Token]) -> Token {
        Dictionary(grouping: values) { $0 }.max {
          ($0.value.count, $1.key) < ($1.value.count, $0.key)
        }?.key ?? 0
      }
      majority = mostFrequent(examples.map(\.answer))
      byOperator = Dictionary(grouping: examples, by: \.rootOperator).mapValues {
        mostFrequent($0.map(\.answer))
      }
    }

    func accuracies(on examples: [Example]) -> (majority: Double, root: Double) {
      let count = Double(examples.count)
      return (
        Double(examples.count { $0.answer == majority }) / count,
        Double(examples.count { $0.answer == byOperator[$0.rootOperator] ?? majority }) / count
      )
    }
  }

  /// Examples that the baselines learn from.
  private static let learningExamples = 4000

  /// Accuracy per size; chance is that of the most frequent value, the guess that by the root's
  /// operator.
  public func scores(
    of network: LanguageNetwork, examples count: Int, using generator: inout SeededGenerator
  ) -> [Score] {
    testSizes.map { size in
      let examples = (0..<count).map { _ in example(of: size, using: &generator) }
      let known = (0..<Self.learningExamples).map { _ in example(of: size, using: &generator) }
      let baselines = Baselines(of: known).accuracies(on: examples)
      return Score(
        measure: .accuracy, length: length(of: size), pairs: size.arguments, depth: nil,
        asked: count, value: Double(network.rightAnswers(to: examples)) / Double(count),
        chance: baselines.majority, guess: baselines.root)
    }
  }

  /// A table with a line per size.
  public func table(of scores: [Score]) -> String {
    (["length   right  most frequent value  by the root's operator"]
      + scores.map { score in
        "\(score.length)".right(6) + score.value.percent.right(8) + score.chance.percent.right(21)
          + (score.guess ?? 0).percent.right(24)
      }).joined(separator: "\n")
  }
}

extension Example {
  /// Target of the last token.
  fileprivate var answer: Token { targets[targets.count - 1] }
  /// First token after the padding.
  fileprivate var rootOperator: Token { inputs.first { $0 != ListOps.padding } ?? 0 }
}
