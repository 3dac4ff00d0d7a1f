/// Format of a CSV table, beside RFC 4180.
public struct TableFormat: Sendable, Equatable, Codable {
  /// Encoding of the text.
  public var encoding = TableEncoding.utf8
  /// Byte between two fields of a row.
  public var delimiter = UInt8(ascii: ",")
  /// Whether numbers have a decimal comma instead of a decimal point.
  public var decimalComma = false
  /// Whether the first line names the columns; otherwise they are called 1, 2, 3, ….
  public var hasHeader = true

  /// UTF-8, commas between fields, decimal points and a header.
  public init() {}

  /// The text of a field as `Double` reads it; nil unless it is a decimal number of this format.
  ///
  /// `Double` also reads hexadecimal numbers, and stops at a NUL.
  func decimal(_ text: String) -> Double? {
    let point: Unicode.Scalar = decimalComma ? "," : "."
    for character in text.unicodeScalars {
      switch character {
      case "0"..."9", "+", "-", "e", "E", point: continue
      default: return nil
      }
    }
    return Double(decimalComma ? text.replacing(",", with: ".") : text)
  }
}
