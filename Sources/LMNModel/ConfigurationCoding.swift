internal import FoundationEssentials
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories

extension Configuration {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case vocabularySize = "vocab"
    case width, heads, layers, banks, feedForward, summarizer
    case expand, arity, visibility, levelBias, maximumLevels, window, pinned
    case activation, positions, maximumLength, tiedHead, dropout
  }

  /// How every key is read and written.
  private static var fields: [Field] {
    [
      .required(.vocabularySize, \.vocabularySize),
      .required(.width, \.width),
      .required(.heads, \.heads),
      .required(.layers, \.layers),
      .required(.banks, \.banks),
      .required(.feedForward, \.feedForward),
      .required(.summarizer, \.summarizer),
      .optional(.expand, \.expand),
      .optional(.arity, \.arity),
      .optional(.visibility, \.visibility),
      .optional(.levelBias, \.levelBias),
      .optional(.maximumLevels, \.maximumLevels),
      .optional(.window, \.window),
      .optional(.pinned, \.pinned),
      .optional(.activation, \.activation),
      .optional(.positions, \.positions),
      .optional(.maximumLength, \.maximumLength),
      .optional(.tiedHead, \.tiedHead),
      .optional(.dropout, \.dropout),
    ]
  }

  /// How one key is read and written.
  private struct Field {
    let read: (inout Configuration, KeyedDecodingContainer<CodingKeys>) throws -> Void
    let write: (Configuration, inout KeyedEncodingContainer<CodingKeys>) throws -> Void

    /// A key that every configuration has.
    static func required<Value: Codable>(
      _ key: CodingKeys, _ property: WritableKeyPath<Configuration, Value>
    ) -> Field {
      Field(
        read: { $0[keyPath: property] = try $1.decode(Value.self, forKey: key) },
        write: { try $1.encode($0[keyPath: property], forKey: key) })
    }

    /// A key that stands only where its value is not the default, so that configurations stay as
    /// small as the published ones.
    static func optional<Value: Codable & Equatable>(
      _ key: CodingKeys, _ property: WritableKeyPath<Configuration, Value>
    ) -> Field {
      let field = required(key, property)
      let usual = Configuration(vocabularySize: 1)[keyPath: property]
      return Field(
        read: { if $1.contains(key) { try field.read(&$0, $1) } },
        write: { if $0[keyPath: property] != usual { try field.write($0, &$1) } })
    }
  }

  /// Reads a configuration, which may still make no sense.
  public init(from decoder: any Decoder) throws {
    self.init(vocabularySize: 1)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    for field in Self.fields { try field.read(&self, values) }
  }

  /// Writes the keys.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    for field in Self.fields { try field.write(self, &values) }
  }

  /// The configuration as a checkpoint carries it: a JSON object with sorted keys.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      preconditionFailure("a configuration has no value that JSON cannot hold: \(error)")
    }
  }

  /// The configuration of a JSON object; every key has to be known and to make sense.
  public init(json: String) throws(ConfigurationError) {
    do {
      let keys = try JSONDecoder().decode([String: AnyValue].self, from: Data(json.utf8)).keys
      let known = CodingKeys.allCases.map(\.rawValue)
      let unknown = keys.filter { !known.contains($0) }.sorted()
      if !unknown.isEmpty { throw ConfigurationError.unknownKeys(unknown) }
      self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    } catch let error as ConfigurationError {
      throw error
    } catch let error as DecodingError {
      throw .malformed(error.sentence)
    } catch {
      throw .malformed("\(error)")
    }
    try validate()
  }

  /// Any value, of which only the key matters.
  private struct AnyValue: Decodable {
    init(from decoder: any Decoder) {}
  }
}

extension DecodingError {
  /// What is wrong, behind the key where it is.
  fileprivate var sentence: String {
    switch self {
    case .keyNotFound(let key, _):
      "it has no \(key.stringValue)"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      (context.codingPath.map(\.stringValue) + [context.debugDescription]).joined(separator: ": ")
    @unknown default:
      "\(self)"
    }
  }
}
