internal import FoundationEssentials
internal import LMNKernels
internal import LMNLayers
public import LMNMemories

extension Configuration: Codable {
  /// Keys outside the memories.
  private static var fields: [SettingsField<Configuration>] {
    let usual = Configuration(vocabularySize: 1)
    return [
      .required("vocab", \.vocabularySize),
      .required("width", \.trunk.width),
      .required("layers", \.trunk.layers),
      .optional(
        "distinctLayers", \.trunk.distinctLayers, default: usual.trunk.distinctLayers),
      .required("feedForward", \.trunk.feedForward),
      .optional("activation", \.trunk.activation, default: usual.trunk.activation),
      .optional("norm", \.trunk.norm, default: usual.trunk.norm),
      .optional("positions", \.trunk.positions, default: usual.trunk.positions),
      .optional("maximumLength", \.trunk.maximumLength, default: usual.trunk.maximumLength),
      .optional("tiedHead", \.tiedHead, default: usual.tiedHead),
      .optional("dropout", \.trunk.dropout, default: usual.trunk.dropout),
      .optional("balanceScale", \.balanceScale, default: usual.balanceScale),
    ]
  }

  private static let (memory, memories) = (SettingsKey("memory"), SettingsKey("memories"))

  /// Reads `memory`, an object for all blocks; `memories`, a list with one object per block; or,
  /// without either, the keys of one logarithmic memory at the top level.
  ///
  /// - Throws: ``LMNMemories/ConfigurationError`` for unknown keys, with the path of each.
  public init(from decoder: any Decoder) throws {
    self.init(vocabularySize: 1)
    let container = try decoder.container(keyedBy: SettingsKey.self)
    var own = Self.fields.map(\.key)
    try Self.fields.read(into: &self, from: decoder)
    switch (container.contains(Self.memory), container.contains(Self.memories)) {
    case (true, true):
      throw ConfigurationError.malformed("it has both memory and memories")
    case (true, false):
      own.append(Self.memory.stringValue)
      trunk.memories = [try container.decode(MemoryConfiguration.self, forKey: Self.memory)]
    case (false, true):
      own.append(Self.memories.stringValue)
      trunk.memories = try container.decode([MemoryConfiguration].self, forKey: Self.memories)
      if trunk.memories.isEmpty { throw ConfigurationError.malformed("memories is empty") }
    case (false, false):
      try LogarithmicMemory.Settings.expectOnlyFields(of: container, besides: own)
      trunk.memories = [MemoryConfiguration(try LogarithmicMemory.Settings(from: decoder))]
      own += LogarithmicMemory.Settings.fields.map(\.key)
    }
    let unknown = container.allKeys.map(\.stringValue).filter { !own.contains($0) }.sorted()
    if !unknown.isEmpty {
      throw ConfigurationError.unknownKeys(unknown.map { container.path(of: $0) })
    }
  }

  /// Writes the form that ``init(from:)`` reads; the keys of a single logarithmic memory go to the
  /// top level.
  public func encode(to encoder: any Encoder) throws {
    try Self.fields.write(self, to: encoder)
    var container = encoder.container(keyedBy: SettingsKey.self)
    guard trunk.memories.dropFirst().allSatisfy({ $0 == trunk.memories[0] }) else {
      return try container.encode(trunk.memories, forKey: Self.memories)
    }
    if let settings = trunk.memories[0].settings as? LogarithmicMemory.Settings {
      try settings.encode(to: encoder)
    } else {
      try container.encode(trunk.memories[0], forKey: Self.memory)
    }
  }

  /// The configuration as a JSON object with sorted keys, as in model files.
  public var json: String { encodingConfiguration(self) }

  /// Decodes and validates a configuration; every key has to be known.
  public init(json: String) throws(ConfigurationError) {
    self = try decodingConfiguration(Data(json.utf8))
    try validate()
  }
}
