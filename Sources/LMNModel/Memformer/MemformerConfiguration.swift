internal import FoundationEssentials
internal import LMNKernels
public import LMNMemories

/// Sizes and kinds of a Memformer; coded as JSON in model files.
public struct MemformerConfiguration: Sendable, Equatable {
  /// Value of the key `kind`.
  public static let kind = "memformer"

  /// V: size of the vocabulary.
  public var vocabularySize: Int
  /// E: features of a token.
  public var width = 32
  /// H: heads of every attention and of writing, a divisor of the width.
  public var heads = 4
  /// Blocks of the encoder.
  public var encoderLayers = 2
  /// Blocks of the decoder.
  public var decoderLayers = 2
  /// Factor of the inner width of the feed-forward layers.
  public var feedForward = 4
  /// k: slots.
  public var slots = 16
  /// S: largest number of tokens of a segment.
  public var segment = 64
  /// Temperature of writing, above 0 and at most 1.
  public var temperature: Float = 0.25
  /// Whether a slot that is rewritten moves towards its beginning.
  public var forgetting = true

  /// A small model for a vocabulary of this size.
  public init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// Throws unless a Memformer can have this configuration.
  public func validate() throws(ConfigurationError) {
    let largest = ConfigurationError.largestSize
    let sizes = [
      ("vocab", vocabularySize, 1...largest), ("width", width, 1...largest),
      ("encoderLayers", encoderLayers, 1...4096), ("decoderLayers", decoderLayers, 1...4096),
      ("feedForward", feedForward, 1...8),
    ]
    for (key, value, range) in sizes where !range.contains(value) {
      throw .outOfRange(key: key, value: value, range: range)
    }
    var memory = SlotMemory.Settings()
    (memory.slots, memory.segment, memory.heads) = (slots, segment, heads)
    memory.temperature = temperature
    try memory.validate(width: width)
  }

  /// Shape of self-attention within a segment.
  func selfAttention(isCausal: Bool) -> SegmentAttentionShape {
    SegmentAttentionShape(heads: heads, segment: segment, slots: 0, isCausal: isCausal)
  }
}

extension MemformerConfiguration: Codable {
  private static var fields: [SettingsField<MemformerConfiguration>] {
    let usual = MemformerConfiguration(vocabularySize: 1)
    return [
      .required("vocab", \.vocabularySize),
      .required("width", \.width),
      .required("heads", \.heads),
      .required("encoderLayers", \.encoderLayers),
      .required("decoderLayers", \.decoderLayers),
      .required("feedForward", \.feedForward),
      .required("slots", \.slots),
      .required("segment", \.segment),
      .optional("temperature", \.temperature, default: usual.temperature),
      .optional("forgetting", \.forgetting, default: usual.forgetting),
    ]
  }

  private static let kindKey = SettingsKey("kind")

  /// Reads an object whose `kind` is `memformer`.
  ///
  /// - Throws: ``LMNMemories/ConfigurationError`` for unknown keys.
  public init(from decoder: any Decoder) throws {
    self.init(vocabularySize: 1)
    let container = try decoder.container(keyedBy: SettingsKey.self)
    let kind = try container.decode(String.self, forKey: Self.kindKey)
    guard kind == Self.kind else {
      throw ConfigurationError.malformed("kind is '\(kind)', not '\(Self.kind)'")
    }
    try Self.fields.read(into: &self, from: decoder)
    let known = Self.fields.map(\.key) + [Self.kindKey.stringValue]
    let unknown = container.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
    if !unknown.isEmpty { throw ConfigurationError.unknownKeys(unknown) }
  }

  /// Writes the form that ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    try Self.fields.write(self, to: encoder)
    var container = encoder.container(keyedBy: SettingsKey.self)
    try container.encode(Self.kind, forKey: Self.kindKey)
  }

  /// The configuration as a JSON object with sorted keys, as in model files.
  public var json: String { encodingConfiguration(self) }

  /// Whether the configuration in a JSON object is that of a Memformer, valid or not.
  public static func isKind(of json: String) -> Bool {
    let values = try? [String: JSONValue](configuration: json)
    return values?[kindKey.stringValue] == .text(kind)
  }

  /// This configuration with the values of a JSON object, in which all keys are optional; not yet
  /// validated.
  ///
  /// - Throws: ``LMNMemories/ConfigurationError`` for malformed JSON or unknown keys.
  public func merging(json: String) throws(ConfigurationError) -> MemformerConfiguration {
    let values = try [String: JSONValue](configuration: self.json)
    let others = try [String: JSONValue](configuration: json)
    return try values.merging(others) { $1 }.decoded()
  }

  /// Decodes and validates a configuration; every key has to be known.
  public init(json: String) throws(ConfigurationError) {
    self = try decodingConfiguration(Data(json.utf8))
    try validate()
  }
}
