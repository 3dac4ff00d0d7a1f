public import LMNLayers

/// An invalid configuration, or a stream that is too long for it.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// Upper limit of sizes; keeps the product of two sizes far from overflow.
  public static let largestSize = 1 << 24

  /// A size is out of range.
  case outOfRange(key: String, value: Int, range: ClosedRange<Int>)
  /// A number is not positive and finite.
  case notPositive(key: String, value: Float)
  /// A number is negative or not finite.
  case negative(key: String, value: Float)
  /// A key has a meaning only with another setting.
  case meaningless(key: String, without: String)
  /// A size that has to be even is odd.
  case odd(key: String, value: Int)
  /// The number of heads does not divide the width.
  case indivisible(width: Int, heads: Int)
  /// Rotary positions need an even number of features per head.
  case oddRotary(headWidth: Int)
  /// The base of rotary positions is not a positive number.
  case impossibleRotaryBase(Double)
  /// The temperature of writing to slots is not above 0 and at most 1.
  case impossibleTemperature(Float)
  /// Biases per level need a bounded number of levels.
  case levelBiasWithoutMaximumLevels
  /// Biases per place of the window need a window.
  case windowBiasWithoutWindow
  /// The dropout rate is not in `0 ..< 1`.
  case impossibleDropout(Float)
  /// Learned positions without `maximumLength`.
  case missingMaximumLength
  /// `maximumLength` without learned positions.
  case pointlessMaximumLength(Int, positions: Positions.Kind)
  /// A stream has more tokens than there are learned positions.
  case beyondLastPosition(tokens: Int, maximumLength: Int)
  /// `tiedHead` for a head that does not output tokens.
  case tiedHead
  /// The number of parameters overflows.
  case tooLarge
  /// Unknown keys of the configuration's JSON, each as a dotted path.
  case unknownKeys([String])
  /// An unknown kind of memory.
  case unknownKind(key: String, kind: String, known: [String])
  /// The number of memories differs from the number of blocks.
  case mismatchedMemories(count: Int, layers: Int)
  /// Two layers with different memories share their parameters.
  case sharedByMemories(layer: Int, with: Int)
  /// The text is not a JSON object with the required keys.
  case malformed(String)

  /// A sentence that names key and value.
  public var description: String { description(naming: { $0 }) }

  /// A sentence in which keys have other names, such as those of flags.
  ///
  /// - Parameter name: Returns the name of a key.
  /// - Returns: The sentence.
  public func description(naming name: (_ key: String) -> String) -> String {
    switch self {
    case .outOfRange(let key, let value, let range):
      "\(name(key)) is \(value), it has to be from \(range.lowerBound) to \(range.upperBound)"
    case .notPositive(let key, let value):
      "\(name(key)) is \(value), it has to be positive and finite"
    case .negative(let key, let value):
      "\(name(key)) is \(value), it has to be 0 or more, and finite"
    case .meaningless(let key, let other):
      "\(name(key)) has no meaning without \(other)"
    case .odd(let key, let value):
      "\(name(key)) is \(value), it has to be even"
    case .indivisible(let width, let heads):
      "\(heads) heads do not divide a width of \(width)"
    case .oddRotary(let headWidth):
      "\(name("rotary")) is true, but a head has \(headWidth) features, which are no pairs"
    case .impossibleRotaryBase(let base):
      "\(name("rotaryBase")) is \(base), it has to be above 0 and finite"
    case .impossibleTemperature(let temperature):
      "\(name("temperature")) is \(temperature), it has to be above 0 and at most 1"
    case .levelBiasWithoutMaximumLevels:
      "\(name("levelBias")) needs \(name("maximumLevels")): no bias is trained for levels that "
        + "training never reaches"
    case .windowBiasWithoutWindow:
      "\(name("windowBias")) needs \(name("window")) of at least 1: the biases are those of the "
        + "tokens of the window"
    case .impossibleDropout(let rate):
      "\(name("dropout")) is \(rate), it has to be from 0 to below 1"
    case .missingMaximumLength:
      "learned \(name("positions")) need a \(name("maximumLength"))"
    case .pointlessMaximumLength(let length, let positions):
      "\(name("maximumLength")) is \(length), but only learned positions have one, and they are "
        + positions.rawValue
    case .beyondLastPosition(let tokens, let maximumLength):
      "a stream of \(tokens) tokens reaches position \(tokens - 1), after the last of "
        + "\(maximumLength) learned positions"
    case .tiedHead:
      "\(name("tiedHead")) is true, but only models for the task text have a head that can be tied"
    case .tooLarge:
      "the number of parameters for these sizes overflows"
    case .unknownKeys(let keys):
      "unknown keys in the configuration: \(keys.joined(separator: ", "))"
    case .unknownKind(let key, let kind, let known):
      "\(key) is '\(kind)', the kinds of memory are \(known.joined(separator: ", "))"
    case .mismatchedMemories(let count, let layers):
      "memories has \(count) entries, it has to have one per block, and \(name("layers")) is "
        + "\(layers)"
    case .sharedByMemories(let layer, let other):
      "\(name("distinctLayers")) makes layer \(layer) share the parameters of layer \(other), whose "
        + "memory has other settings"
    case .malformed(let problem):
      "the configuration cannot be read: \(problem)"
    }
  }
}
