/// An error in a CSV table, with its place.
public struct CSVError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public let file: String
  /// Line, counted from 1 as in an editor, including lines inside quotes; nil for errors without a
  /// line.
  public let line: Int?
  /// Column, counted from 1; nil for errors without a column.
  public let column: Int?
  /// Name of the column in the header.
  public let name: String?
  /// The problem.
  public let problem: Problem

  /// Kinds of problem.
  public enum Problem: Equatable, Sendable {
    /// The header line is missing.
    case noHeader
    /// An earlier column has the same name.
    case duplicateName
    /// A required column is missing.
    case missingColumn(name: String, columns: [String])
    /// The table has no rows.
    case noRows
    /// The number of fields differs from the header's.
    case fieldCount(found: Int, expected: Int)
    /// A quote inside a field without quotes.
    case quoteInField
    /// Text after the closing quote of a field.
    case textAfterQuote
    /// A field's closing quote is missing.
    case unclosedQuote
    /// A carriage return without a line feed.
    case carriageReturn
    /// A field is not a finite decimal number.
    case notANumber(String)
    /// A value is missing.
    case missingValue
    /// A column has no value at all.
    case noValues(String)
    /// No column is left to forecast.
    case noChannels
    /// A column has two meanings.
    case usedTwice(String)
    /// A field of the time column is not a date.
    case notADate(String)
    /// A row is not later than the row before.
    case notLater(String, than: String)
    /// A row is not at a multiple of the usual interval.
    case offInterval(String, after: String)
    /// A field is empty.
    case emptyField
    /// A byte of the table is not UTF-8.
    case notUTF8(UInt8, offset: Int)
    /// The table has the byte-order mark of another encoding than expected.
    case otherEncoding(String, expected: String)
    /// The tokenizer cannot encode a field.
    case unusableText(TokenizerError)
    /// A label is not one of the known classes.
    case unknownLabel(String, known: [String])
  }

  /// A sentence with file, line, column and value.
  public var description: String {
    let lineWords = line.map { "line \($0)" }
    let columnWords = column.map { "column \($0) '\(name ?? "")'" }
    let place = [lineWords, columnWords].compactMap(\.self).joined(separator: ", ")
    return [file, place, problem.description].filter { !$0.isEmpty }.joined(separator: ": ")
  }
}

extension CSVError.Problem: CustomStringConvertible {
  /// A sentence with the value.
  public var description: String {
    switch self {
    case .noHeader: "the header line with the column names is missing"
    case .duplicateName: "an earlier column has the same name"
    case .missingColumn(let name, let columns):
      "there is no column '\(name)'; the header names \(columns.joined(separator: ", "))"
    case .noRows: "there are no rows"
    case .fieldCount(let found, let expected):
      "there are \(found) fields, the header has \(expected)"
    case .quoteInField: "a field without quotes around it contains a quote"
    case .textAfterQuote: "text follows the closing quote of a field"
    case .unclosedQuote: "the closing quote of a field that begins here is missing"
    case .carriageReturn: "a carriage return is not followed by a line feed"
    case .notANumber(let value): "\(value.quoted) is not a number"
    case .missingValue: "the value is missing; --missing interpolate or forward fills it"
    case .noValues(let name): "the column \(name.quoted) has no value"
    case .noChannels: "there is no column to forecast"
    case .usedTwice(let name): "the column \(name.quoted) is used twice"
    case .notADate(let text):
      "\(String(text.prefix(60)).quoted) is not a date such as 1999-12-31 or 1999-12-31 23:59; "
        + "--time-column none takes the rows as they are"
    case .notLater(let time, let before):
      "\(time) is not later than \(before) in the row before; a series has its oldest row first, and "
        + "--series-column tells several apart"
    case .offInterval(let time, let before):
      "\(time) after \(before) is not a multiple of the usual interval; --time-column none takes the rows "
        + "as they are"
    case .emptyField: "the field is empty"
    case .notUTF8(let byte, let offset):
      "byte 0x\(String(byte, radix: 16, uppercase: true)) at offset \(offset) of the file is not "
        + "UTF-8; --encoding latin1 reads tables in Latin-1"
    case .otherEncoding(let name, let expected):
      "the table is \(name), not \(expected)"
        + (name == "UTF-8" ? "" : "; convert it: iconv -f \(name) -t UTF-8")
    case .unusableText(let error): "\(error)"
    case .unknownLabel(let label, let known):
      "'\(label.prefix(60))' is not a label of the model: \(known.joined(separator: ", "))"
    }
  }
}
