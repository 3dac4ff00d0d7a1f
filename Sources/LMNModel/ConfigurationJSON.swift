internal import FoundationEssentials
internal import LMNMemories

/// Decodes a configuration from JSON, without validation.
func decodingConfiguration<Value: Decodable>(_ json: Data) throws(ConfigurationError) -> Value {
  do {
    return try JSONDecoder().decode(Value.self, from: json)
  } catch let error as ConfigurationError {
    throw error
  } catch let error as DecodingError {
    throw .malformed(error.sentence)
  } catch {
    throw .malformed("\(error)")
  }
}

/// A configuration as a JSON object with sorted keys.
func encodingConfiguration(_ configuration: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .sortedKeys
  do {
    return String(decoding: try encoder.encode(configuration), as: UTF8.self)
  } catch {
    preconditionFailure("\(type(of: configuration)): cannot be encoded as JSON: \(error)")
  }
}

extension DecodingError {
  /// A sentence with the path of the key.
  fileprivate var sentence: String {
    switch self {
    case .keyNotFound(let key, let context):
      "it has no \((context.codingPath + [key]).path)"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      (context.codingPath.isEmpty ? "" : context.codingPath.path + ": ") + context.debugDescription
    @unknown default:
      "\(self)"
    }
  }
}
