import FoundationEssentials

/// A value as JSON whose keys are in alphabetical order, so that equal values are equal texts.
func sortedJSON(
  _ value: some Encodable, formatting: JSONEncoder.OutputFormatting = []
) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = formatting.union(.sortedKeys)
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// The same of a value that JSON can hold: texts, and numbers that are finite.
func json(_ value: some Encodable) -> String {
  do { return try sortedJSON(value) } catch {
    preconditionFailure("JSON cannot hold \(value): \(error)")
  }
}

extension Safetensors {
  /// What the metadata hold as JSON under `key`.
  func decoded<Value: Decodable>(_ key: String, path: String) throws -> Value {
    let text = try metadata(key, path: path)
    do { return try JSONDecoder().decode(Value.self, from: Data(text.utf8)) } catch {
      throw CheckpointError.unusable(file: path, problem: "its '\(key)' cannot be read: \(error)")
    }
  }
}
