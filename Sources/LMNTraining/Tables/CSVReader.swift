/// Reader of a CSV table (RFC 4180), row by row: a header, then rows with the same number of
/// fields.
///
/// Lines end with a line feed, optionally after a carriage return. A byte-order mark at the
/// beginning and empty lines at the end are ignored. Fields are UTF-8; numbers are decimal.
public struct CSVReader: Sendable {
  /// Name of the file in errors.
  public let file: String
  /// Column names of the header, unique.
  public private(set) var columns: [String] = []

  private let bytes: [UInt8]
  private let end: Int
  private let format: TableFormat
  private var position: Int
  private var line = 1
  /// Fields of the current row.
  private var fields: [Field] = []

  private struct Field {
    /// Range of bytes without the surrounding quotes.
    var range: Range<Int>
    /// Line of the first byte.
    var line: Int
    /// Whether it contains quotes, which are doubled.
    var hasQuotes = false
  }

  /// Reads the header, if there is one.
  ///
  /// - Parameters:
  ///   - bytes: The contents of a file.
  ///   - file: Name of the file in errors.
  ///   - format: Format of the table.
  /// - Throws: ``CSVError`` if the table is in another encoding, or if the header is missing or has
  ///   duplicate names.
  public init(
    _ bytes: [UInt8], file: String, format: TableFormat = .init()
  ) throws(CSVError) {
    let bytes = try format.encoding.decoded(bytes, file: file)
    self.bytes = bytes
    (self.file, self.format) = (file, format)
    position = 0
    end = (bytes.lastIndex { $0 != .lineFeed && $0 != .carriageReturn } ?? -1) + 1
    guard position < end else { throw error(format.hasHeader ? .noHeader : .noRows) }
    try readRecord()
    guard format.hasHeader else {
      columns = fields.indices.map { "\($0 + 1)" }
      (position, line) = (0, 1)
      return
    }
    columns = fields.indices.map { string(at: $0) }
    var seen: Set<String> = []
    for (column, name) in columns.enumerated() where !seen.insert(name).inserted {
      throw error(.duplicateName, at: column)
    }
  }

  /// Advances to the next row; false after the last.
  public mutating func advance() throws(CSVError) -> Bool {
    guard position < end else { return false }
    let first = line
    try readRecord()
    guard fields.count == columns.count else {
      throw error(.fieldCount(found: fields.count, expected: columns.count), line: first)
    }
    return true
  }

  /// Index of the column called `name`.
  public func column(named name: String) throws(CSVError) -> Int {
    guard let column = columns.firstIndex(of: name) else {
      throw error(.missingColumn(name: name, columns: columns))
    }
    return column
  }

  /// Text of a column in the current row.
  public func text(at column: Int) -> [UInt8] {
    let field = fields[column]
    guard field.hasQuotes else { return Array(bytes[field.range]) }
    var text: [UInt8] = []
    var isFirstQuote = false
    for byte in bytes[field.range] {
      isFirstQuote = byte == .quote && !isFirstQuote
      if byte != .quote || isFirstQuote { text.append(byte) }
    }
    return text
  }

  /// Text of a column in the current row.
  public func string(at column: Int) -> String { String(decoding: text(at: column), as: UTF8.self) }

  /// Number of a column in the current row, which has to be finite.
  public func number(at column: Int) throws(CSVError) -> Double {
    let text = String(decoding: bytes[fields[column].range], as: UTF8.self)
    guard let number = format.decimal(text), number.isFinite else {
      throw error(.notANumber(text), at: column)
    }
    return number
  }

  /// Whether a column in the current row has no value.
  public func isMissing(at column: Int) -> Bool {
    Self.missing.contains(String(decoding: bytes[fields[column].range], as: UTF8.self))
  }

  private static let missing: Set<String> = [
    "", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None",
  ]

  /// Line, from 1, of a column in the current row.
  public func line(at column: Int) -> Int { fields[column].line }

  /// An error at a column of the current row.
  public func error(_ problem: CSVError.Problem, at column: Int) -> CSVError {
    CSVError(
      file: file, line: fields[column].line, column: column + 1, name: columns[column],
      problem: problem)
  }

  /// An error of the table, or of a line.
  func error(_ problem: CSVError.Problem, line: Int? = nil) -> CSVError {
    CSVError(file: file, line: line, column: nil, name: nil, problem: problem)
  }

  // MARK: - Parsing

  private mutating func readRecord() throws(CSVError) {
    fields.removeAll(keepingCapacity: true)
    repeat {
      fields.append(peek == .quote ? try quotedField() : try plainField())
    } while take(format.delimiter)
    let isAtCarriageReturn = take(.carriageReturn)
    if take(.lineFeed) { return line += 1 }
    if isAtCarriageReturn { throw error(.carriageReturn, line: line) }
    // After a field, only a closing quote can be followed by other text.
    if position < end { throw error(.textAfterQuote, line: line) }
  }

  private mutating func plainField() throws(CSVError) -> Field {
    let start = position
    while let byte = peek, byte != format.delimiter, byte != .lineFeed, byte != .carriageReturn {
      if byte == .quote { throw error(.quoteInField, line: line) }
      position += 1
    }
    return Field(range: start..<position, line: line)
  }

  private mutating func quotedField() throws(CSVError) -> Field {
    position += 1
    var field = Field(range: position..<position, line: line)
    while let byte = peek {
      position += 1
      if byte == .lineFeed { line += 1 }
      guard byte == .quote else { continue }
      guard take(.quote) else {
        field.range = field.range.lowerBound..<position - 1
        return field
      }
      field.hasQuotes = true
    }
    throw error(.unclosedQuote, line: field.line)
  }

  private var peek: UInt8? { position < end ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }
}

extension UInt8 {
  fileprivate static let comma = UInt8(ascii: ",")
  fileprivate static let quote = UInt8(ascii: "\"")
  fileprivate static let lineFeed = UInt8(ascii: "\n")
  fileprivate static let carriageReturn = UInt8(ascii: "\r")
}

/// A text as a CSV field, quoted if necessary.
func csvField(_ text: String) -> String {
  let special: [UInt8] = [.comma, .quote, .lineFeed, .carriageReturn]
  guard text.utf8.contains(where: special.contains) else { return text }
  return "\"\(text.replacing("\"", with: "\"\""))\""
}

/// A row of a CSV table.
func csvLine(_ fields: [String]) -> String { fields.map(csvField).joined(separator: ",") + "\n" }
