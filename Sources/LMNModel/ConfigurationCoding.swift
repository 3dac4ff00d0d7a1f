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
