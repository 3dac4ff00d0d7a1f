public import LMNKernels
public import LMNLayers
public import LMNMemories

/// The sizes and kinds of a network; a checkpoint carries it as JSON.
public struct Configuration: Sendable, Equatable, Codable {
  /// V: tokens of the vocabulary; for a forecaster, which reads none, the channels in their place.
  public var vocabularySize: Int
  /// E: features of a token.
  public var width = 32
  /// H: heads of the attention, a divisor of the width.
  public var heads = 4
  /// Blocks.
  public var layers = 4
  /// K: summaries of every node.
  public var banks = 2
  /// f: how many times wider than a token the feed-forward's inner layer is.
  public var feedForward = 4
  /// How the children of a node become the node.
  public var summarizer = SummarizerKind.linear
  /// g: how many more slots a node has than its children; 0 without an expander.
  public var expand = 0
  /// r: children of a node.
  public var arity = 2
  /// Which nodes a position sees.
  public var visibility = TreeShape.Visibility.latest
  /// Whether attention has a learned bias for every level.
  public var levelBias = false
  /// No level of the tree is above this one; nil for as many as there are tokens for.
  public var maximumLevels: Int?
  /// How many tokens before its own a position sees as they are.
  public var window = 0
  /// How many tokens stay pinned beside the tree.
  public var pinned = 0
  /// What happens to the values of the feed-forward's inner layer.
  public var activation = Activation.silu
  /// What tells a token where it stands, besides its way through the tree.
  public var positions = Positions.Kind.none
  /// How many positions there are; nil unless they are learned.
  public var maximumLength: Int?
  /// Whether the head has no weight of its own, but takes the table that embeds the tokens.
  public var tiedHead = false
  /// Which share of the values is dropped, while the network learns, of the embedded input and of
  /// what memory and feed-forward map add to it.
  public var dropout: Float = 0

  /// The sizes of the published 71,489-parameter network, but for the vocabulary.
  public init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// Throws unless a network can have these sizes.
  public func validate() throws(ConfigurationError) {
    let sizes: [(CodingKeys, Int)] = [
      (.vocabularySize, vocabularySize), (.width, width), (.heads, heads), (.layers, layers),
      (.banks, banks),
    ]
    for (key, size) in sizes where !(1...Self.largestSize).contains(size) {
      throw .outOfRange(key: key.rawValue, value: size, range: 1...Self.largestSize)
    }
    if !(1...8).contains(feedForward) {
      throw .outOfRange(key: "feedForward", value: feedForward, range: 1...8)
    }
    if heads > mostHeads { throw .outOfRange(key: "heads", value: heads, range: 1...mostHeads) }
    let ranges: [(CodingKeys, Int?, ClosedRange<Int>)] = [
      (.expand, expand, 0...64), (.arity, arity, TreeShape.arities),
      (.maximumLevels, maximumLevels, 1...TreeShape.mostLevels), (.window, window, 0...4096),
      (.pinned, pinned, 0...4096),
    ]
    for case (let key, let value?, let range) in ranges where !range.contains(value) {
      throw .outOfRange(key: key.rawValue, value: value, range: range)
    }
    if levelBias && maximumLevels == nil { throw .endlessLevelBias }
    switch (positions, maximumLength) {
    case (.learned, let length?) where !(1...Self.largestSize).contains(length):
      throw .outOfRange(key: "maximumLength", value: length, range: 1...Self.largestSize)
    case (.learned, nil): throw .missingMaximumLength
    case (.none, let length?), (.sinusoidal, let length?):
      throw .pointlessMaximumLength(length, positions: positions)
    default: break
    }
    if !(0..<1).contains(dropout) { throw .impossibleDropout(dropout) }
    if !width.isMultiple(of: heads) { throw .indivisible(width: width, heads: heads) }
    if parameterCount == nil { throw .tooLarge }
  }

  /// No size may be larger: it keeps every product of two of them far from overflow.
  public static let largestSize = 1 << 24

  /// How many numbers the parameters of a language model hold; nil when that overflows.
  public var parameterCount: Int? {
    parameterCount(inputs: vocabularySize, outputs: vocabularySize)
  }

  /// How many numbers the parameters hold of a model with a vector for each of so many inputs, and a
  /// head for so many outputs; nil when that overflows.
  package func parameterCount(inputs: Int, outputs: Int) -> Int? {
    var overflow = false
    func times(_ a: Int, _ b: Int) -> Int {
      let (product, overflowed) = a.multipliedReportingOverflow(by: b)
      overflow = overflow || overflowed
      return product
    }
    func plus(_ a: Int, _ b: Int) -> Int {
      let (sum, overflowed) = a.addingReportingOverflow(b)
      overflow = overflow || overflowed
      return sum
    }
    func linear(_ inputs: Int, _ outputs: Int) -> Int { plus(times(inputs, outputs), outputs) }

    let summaries = summarizer.parameterCount(
      width: width, banks: banks, arity: arity, plus: plus, times: times)
    let expander = expand > 0 ? plus(times(times(1 + expand, width), width), width) : 0
    let biases = levelBias ? times((maximumLevels ?? 0) + 1, heads) : 0
    let inner = times(feedForward, width)
    let parts = [
      summaries, expander, biases, pinned > 0 ? linear(width, 1) : 0, linear(width, 3 * width),
      linear(width, width), 2 * width,
      linear(width, inner), linear(inner, width),
    ]
    let vectors = plus(inputs, maximumLength ?? 0)
    let head = tiedHead ? outputs : linear(width, outputs)
    let outside = plus(plus(times(vectors, width), 2 * width), head)
    let count = plus(times(layers, parts.reduce(0, plus)), outside)
    return overflow ? nil : count
  }

  /// Of every block's tree.
  public var treeShape: TreeShape {
    TreeShape(
      banks: banks, arity: arity, expansion: expand,
      maximumLevels: maximumLevels ?? TreeShape.mostLevels, window: window, visibility: visibility)
  }

  /// Throws when a stream of so many tokens is too long for the learned positions.
  public func expectPositions(for tokens: Int) throws(ConfigurationError) {
    if let maximumLength, tokens > maximumLength {
      throw .behindLastPosition(tokens: tokens, maximumLength: maximumLength)
    }
  }
}

/// Why no network can have a configuration, or read a text with it.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// A size is not one that a network can have.
  case outOfRange(key: String, value: Int, range: ClosedRange<Int>)
  /// The heads do not share the width evenly.
  case indivisible(width: Int, heads: Int)
  /// Every level is to have a bias, but nothing says how many levels there are.
  case endlessLevelBias
  /// So large a share of the values cannot be dropped.
  case impossibleDropout(Float)
  /// Positions are learned, but nothing says how many.
  case missingMaximumLength
  /// There is a number of positions, but they are not learned.
  case pointlessMaximumLength(Int, positions: Positions.Kind)
  /// A stream has more tokens than there are positions.
  case behindLastPosition(tokens: Int, maximumLength: Int)
  /// The head is tied to tokens that it does not give.
  case tiedHead
  /// The parameters cannot even be counted.
  case tooLarge
  /// A key that no network knows.
  case unknownKeys([String])
  /// The text is no JSON object with the right keys.
  case malformed(String)

  /// A sentence that names key and value.
  public var description: String {
    switch self {
    case .outOfRange(let key, let value, let range):
      "\(key) is \(value), it has to be from \(range.lowerBound) to \(range.upperBound)"
    case .indivisible(let width, let heads):
      "\(heads) heads do not divide a width of \(width)"
    case .endlessLevelBias:
      "a levelBias needs maximumLevels: levels that training never reaches would have none"
    case .impossibleDropout(let rate):
      "dropout is \(rate), it has to be from 0 to below 1"
    case .missingMaximumLength:
      "learned positions need a maximumLength"
    case .pointlessMaximumLength(let length, let positions):
      "maximumLength is \(length), but only learned positions have one, and they are "
        + positions.rawValue
    case .behindLastPosition(let tokens, let maximumLength):
      "a stream of \(tokens) tokens reaches position \(tokens - 1), behind the last of "
        + "\(maximumLength) learned positions"
    case .tiedHead:
      "tiedHead is true, but only the head of a model that continues text gives tokens"
    case .tooLarge:
      "the sizes ask for more parameters than can be counted"
    case .unknownKeys(let keys):
      "the configuration asks for what no model here has: \(keys.joined(separator: ", "))"
    case .malformed(let problem):
      "the configuration cannot be read: \(problem)"
    }
  }
}
