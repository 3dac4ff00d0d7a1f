/// Encoding of the text of a table.
public enum TableEncoding: String, Sendable, Codable, CaseIterable {
  /// UTF-8, with or without a byte-order mark.
  case utf8 = "utf-8"
  /// ISO 8859-1, in which a byte is the code point of its character.
  case latin1

  /// A table as UTF-8, without a byte-order mark.
  ///
  /// - Parameters:
  ///   - bytes: The table in this encoding.
  ///   - file: Name of the table in errors.
  /// - Returns: The bytes of the table.
  /// - Throws: ``CSVError``, with line and byte, where the table is not in this encoding.
  func decoded(_ bytes: [UInt8], file: String) throws(CSVError) -> [UInt8] {
    func error(_ problem: CSVError.Problem, line: Int? = nil) -> CSVError {
      CSVError(file: file, line: line, column: nil, name: nil, problem: problem)
    }
    let mark = ByteOrderMark(bytes)
    switch self {
    case .utf8:
      if let mark, mark != .utf8 { throw error(.otherEncoding(mark.rawValue, expected: "UTF-8")) }
      let text = Array(bytes.withoutMark)
      guard let offset = text.firstInvalidByte else { return text }
      throw error(
        .notUTF8(text[offset], offset: offset + bytes.count - text.count),
        line: 1 + text[..<offset].count { $0 == UInt8(ascii: "\n") })
    case .latin1:
      if let mark { throw error(.otherEncoding(mark.rawValue, expected: "Latin-1")) }
      var text: [UInt8] = []
      text.reserveCapacity(bytes.count)
      for byte in bytes { text += UTF8.encode(Unicode.Scalar(byte))! }
      return text
    }
  }
}

extension [UInt8] {
  /// Offset of the first byte that is not UTF-8; nil if all are.
  fileprivate var firstInvalidByte: Int? {
    var (decoder, bytes, offset) = (UTF8(), makeIterator(), 0)
    while true {
      switch decoder.decode(&bytes) {
      case .scalarValue(let character): offset += UTF8.width(character)
      case .emptyInput: return nil
      case .error: return offset
      }
    }
  }
}
