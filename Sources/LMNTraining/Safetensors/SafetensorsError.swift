/// An unreadable or invalid safetensors file.
public enum SafetensorsError: Error, Hashable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(FileError)

  /// The format is violated, in the header as a whole or in one tensor's entry.
  case malformed(file: String?, tensor: String?, problem: String)

  /// There is no tensor of this name.
  case missing(file: String?, tensor: String)

  /// The tensor has another element type than expected.
  case mismatchedType(
    file: String?, tensor: String, expected: Safetensors.ElementType,
    found: Safetensors.ElementType)

  /// A number exceeds the range of float32.
  case overflow(file: String?, tensor: String, value: Double)

  /// A sentence with file, if known, and tensor.
  public var description: String {
    switch self {
    case .unreadable(let error):
      error.description
    case .malformed(let file, let tensor, let problem):
      prefix(file) + (tensor.map { "tensor \($0.quoted) " } ?? "") + problem
    case .missing(let file, let tensor):
      prefix(file) + "there is no tensor \(tensor.quoted)"
    case .mismatchedType(let file, let tensor, let expected, let found):
      prefix(file) + "tensor \(tensor.quoted) is of type \(found), not \(expected)"
    case .overflow(let file, let tensor, let value):
      prefix(file) + "tensor \(tensor.quoted) holds \(value), which exceeds the range of float32"
    }
  }

  private func prefix(_ file: String?) -> String {
    file.map { "\($0): " } ?? ""
  }
}

extension String {
  /// The text in quotes, on one line and of bounded length, for messages.
  var quoted: String {
    var text = ""
    for scalar in unicodeScalars.prefix(80) {
      text.unicodeScalars.append(
        scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
    return unicodeScalars.dropFirst(80).isEmpty ? "'\(text)'" : "'\(text)…'"
  }
}
