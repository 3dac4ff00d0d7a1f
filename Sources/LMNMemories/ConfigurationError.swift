public import LMNLayers

/// Why no network can have a configuration, or read a text with it.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// Largest size: it keeps every product of two sizes far from overflow.
  public static let largestSize = 1 << 24

  /// A size is not one that a network can have.
  case outOfRange(key: String, value: Int, range: ClosedRange<Int>)
  /// The heads do not share the width evenly.
  case indivisible(width: Int, heads: Int)
  /// Every level is to have a bias, but the number of levels is not bounded.
  case levelBiasWithoutMaximumLevels
  /// So large a share of the values cannot be dropped.
  case impossibleDropout(Float)
  /// Positions are learned, but nothing says how many.
  case missingMaximumLength
  /// There is a number of positions, but they are not learned.
  case pointlessMaximumLength(Int, positions: Positions.Kind)
  /// A stream has more tokens than there are positions.
  case beyondLastPosition(tokens: Int, maximumLength: Int)
  /// The head is tied to tokens that it does not give.
  case tiedHead
  /// The parameters cannot even be counted.
  case tooLarge
  /// Keys that no network has, each with the keys of the objects around it.
  case unknownKeys([String])
  /// A kind of memory that this program does not have.
  case unknownKind(key: String, kind: String, known: [String])
  /// The list of memories has another length than there are blocks.
  case mismatchedMemories(count: Int, layers: Int)
  /// The text is no JSON object with the right keys.
  case malformed(String)

  /// A sentence that names key and value.
  public var description: String {
    switch self {
    case .outOfRange(let key, let value, let range):
      "\(key) is \(value), it has to be from \(range.lowerBound) to \(range.upperBound)"
    case .indivisible(let width, let heads):
      "\(heads) heads do not divide a width of \(width)"
    case .levelBiasWithoutMaximumLevels:
      "a levelBias needs maximumLevels: levels that training never reaches would have none"
    case .impossibleDropout(let rate):
      "dropout is \(rate), it has to be from 0 to below 1"
    case .missingMaximumLength:
      "learned positions need a maximumLength"
    case .pointlessMaximumLength(let length, let positions):
      "maximumLength is \(length), but only learned positions have one, and they are "
        + positions.rawValue
    case .beyondLastPosition(let tokens, let maximumLength):
      "a stream of \(tokens) tokens reaches position \(tokens - 1), after the last of "
        + "\(maximumLength) learned positions"
    case .tiedHead:
      "tiedHead is true, but only the head of a model that continues text gives tokens"
    case .tooLarge:
      "the sizes ask for more parameters than can be counted"
    case .unknownKeys(let keys):
      "the configuration asks for what no model here has: \(keys.joined(separator: ", "))"
    case .unknownKind(let key, let kind, let known):
      "\(key) is '\(kind)', the kinds of memory are \(known.joined(separator: ", "))"
    case .mismatchedMemories(let count, let layers):
      "memories has \(count) entries, it has to have one per block, and layers is \(layers)"
    case .malformed(let problem):
      "the configuration cannot be read: \(problem)"
    }
  }
}
