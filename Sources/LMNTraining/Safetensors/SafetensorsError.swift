/// What is wrong with a safetensors file.
public enum SafetensorsError: Error, Hashable, CustomStringConvertible {
  /// The system does not let us read the file.
  case unreadable(FileError)

  /// The bytes break the rules of the format, in the header as a whole or in one tensor's entry.
  case malformed(file: String?, tensor: String?, problem: String)

  /// There is no tensor of this name.
  case missing(file: String?, tensor: String)

  /// The tensor holds elements of another type than was asked for.
  case mismatchedType(
    file: String?, tensor: String, expected: Safetensors.ElementType,
    found: Safetensors.ElementType)

  /// A number of the tensor is beyond the largest of float32.
  case overflow(file: String?, tensor: String, value: Double)

  /// One sentence that starts with the file, if there is one, and names the tensor.
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
      prefix(file) + "tensor \(tensor.quoted) holds \(value), which float32 cannot"
    }
  }

  private func prefix(_ file: String?) -> String {
    file.map { "\($0): " } ?? ""
  }
}

extension String {
  /// This name for a message: in quotes, on one line, and not too long.
  var quoted: String {
    var text = ""
    for scalar in unicodeScalars.prefix(80) {
      text.unicodeScalars.append(
        scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
    return unicodeScalars.dropFirst(80).isEmpty ? "'\(text)'" : "'\(text)…'"
  }
}
