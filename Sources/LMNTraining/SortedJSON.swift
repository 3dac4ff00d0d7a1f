import FoundationEssentials

/// A value as JSON whose keys are in alphabetical order, so that equal values are equal texts.
func sortedJSON(
  _ value: some Encodable, formatting: JSONEncoder.OutputFormatting = []
) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = formatting.union(.sortedKeys)
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
