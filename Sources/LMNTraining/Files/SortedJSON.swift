package import FoundationEssentials

/// A value as JSON with sorted keys, so that equal values give equal texts.
package func sortedJSON(
  _ value: some Encodable, formatting: JSONEncoder.OutputFormatting = []
) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = formatting.union(.sortedKeys)
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// A value of strings and finite numbers as JSON with sorted keys.
func json(_ value: some Encodable) -> String {
  do { return try sortedJSON(value) } catch {
    preconditionFailure("\(value) cannot be encoded as JSON: \(error)")
  }
}

extension Safetensors {
  /// Decodes the JSON value in the metadata under `key`.
  func decoded<Value: Decodable>(_ key: String, path: String) throws -> Value {
    let text = try metadata(key, path: path)
    do { return try JSONDecoder().decode(Value.self, from: Data(text.utf8)) } catch {
      throw CheckpointError.unusable(file: path, problem: "its '\(key)' cannot be read: \(error)")
    }
  }
}
