/// A table as RFC 4180 writes it, read record by record: a header, then rows of as many fields.
///
/// Lines end with a line feed, or with one behind a carriage return. UTF-8's mark at the beginning
/// and line breaks at the end count for nothing. Fields are bytes; of numbers, only what is written
/// with digits is one.
public struct CSVReader: Sendable {
  /// What errors call the file.
  public let file: String
  /// The names in the header, no two the same.
  public private(set) var columns: [String] = []

  private let bytes: [UInt8]
  private let end: Int
  private var position: Int
  private var line = 1
  /// Of the current record.
  private var fields: [Field] = []

  private struct Field {
    /// Without the quotes around it.
    var range: Range<Int>
    /// Where it begins.
    var line: Int
    /// Whether there are quotes inside, each of them twice.
    var hasQuotes = false
  }

  /// Reads the header.
  ///
  /// - Parameters:
  ///   - bytes: The contents of a file.
  ///   - file: What errors call it.
  /// - Throws: ``CSVError`` if there is no header, or it has a name twice.
  public init(_ bytes: [UInt8], file: String) throws(CSVError) {
    self.bytes = bytes
    self.file = file
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let last = bytes.lastIndex { $0 != .lineFeed && $0 != .carriageReturn }
    end = max((last ?? -1) + 1, position)
    guard position < end else { throw error(.noHeader) }
    try readRecord()
    columns = fields.indices.map { String(decoding: text(at: $0), as: UTF8.self) }
    var seen: Set<String> = []
    for (column, name) in columns.enumerated() where !seen.insert(name).inserted {
      throw error(.duplicateName, at: column)
    }
  }

  /// Goes to the first, or next, row; false behind the last.
  public mutating func advance() throws(CSVError) -> Bool {
    guard position < end else { return false }
    let first = line
    try readRecord()
    guard fields.count == columns.count else {
      throw error(.fieldCount(found: fields.count, expected: columns.count), line: first)
    }
    return true
  }

  /// The place of a column in a row.
  public func column(named name: String) throws(CSVError) -> Int {
    guard let column = columns.firstIndex(of: name) else {
      throw error(.missingColumn(name: name, columns: columns))
    }
    return column
  }

  /// The text in a column of the current row.
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

  /// The number in a column of the current row, which has to be finite.
  public func number(at column: Int) throws(CSVError) -> Double {
    let text = String(decoding: bytes[fields[column].range], as: UTF8.self)
    // Without other letters than `e` it is not hexadecimal.
    let isDecimal = text.utf8.allSatisfy {
      $0 < UInt8(ascii: "A") || $0 | 0x20 == UInt8(ascii: "e")
    }
    guard isDecimal, let number = Double(text), number.isFinite else {
      throw error(.notANumber(text), at: column)
    }
    return number
  }

  /// Where a column of the current row begins, counted from 1.
  public func line(at column: Int) -> Int { fields[column].line }

  /// What is wrong with a column of the current row.
  public func error(_ problem: CSVError.Problem, at column: Int) -> CSVError {
    CSVError(
      file: file, line: fields[column].line, column: column + 1, name: columns[column],
      problem: problem)
  }

  private func error(_ problem: CSVError.Problem, line: Int? = nil) -> CSVError {
    CSVError(file: file, line: line, column: nil, name: nil, problem: problem)
  }

  // MARK: - Parsing

  private mutating func readRecord() throws(CSVError) {
    fields.removeAll(keepingCapacity: true)
    repeat {
      fields.append(peek == .quote ? try quotedField() : try plainField())
    } while take(.comma)
    let isAtCarriageReturn = take(.carriageReturn)
    if take(.lineFeed) { return line += 1 }
    if isAtCarriageReturn { throw error(.carriageReturn, line: line) }
    // Only a quote that closes can be followed by anything else.
    if position < end { throw error(.textBehindQuote, line: line) }
  }

  private mutating func plainField() throws(CSVError) -> Field {
    let start = position
    while let byte = peek, byte != .comma, byte != .lineFeed, byte != .carriageReturn {
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

/// A text as a field of a table, in quotes where it has to be.
func csvField(_ text: String) -> String {
  let special: [UInt8] = [.comma, .quote, .lineFeed, .carriageReturn]
  guard text.utf8.contains(where: special.contains) else { return text }
  return "\"\(text.replacing("\"", with: "\"\""))\""
}
