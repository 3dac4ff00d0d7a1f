internal import FoundationEssentials
internal import LMNMemories

extension Configuration {
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
    } catch let DecodingError.keyNotFound(key, _) {
      throw .malformed("it has no \(key.stringValue)")
    } catch let DecodingError.typeMismatch(_, context) {
      throw .malformed("\(context.codingPath.map(\.stringValue).joined(separator: ".")): "
        + context.debugDescription)
    } catch let DecodingError.dataCorrupted(context) {
      throw .malformed("\(context.codingPath.map(\.stringValue).joined(separator: ".")): "
        + context.debugDescription)
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
