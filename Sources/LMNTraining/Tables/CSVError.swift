/// What is wrong with a table, and where.
public struct CSVError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public let file: String
  /// Counted from 1 as an editor does, with the lines inside quotes; nil where no line is to blame.
  public let line: Int?
  /// Counted from 1; nil where no column is to blame.
  public let column: Int?
  /// What the header calls the column.
  public let name: String?
  /// What is wrong.
  public let problem: Problem

  /// What can be wrong.
  public enum Problem: Equatable, Sendable {
    /// There is no first line.
    case noHeader
    /// A column before has the same name.
    case duplicateName
    /// The header lacks a name.
    case missingColumn(name: String, columns: [String])
    /// There are no rows.
    case noRows
    /// A row has more or fewer fields than the header.
    case fieldCount(found: Int, expected: Int)
    /// A field that does not begin with a quote has one.
    case quoteInField
    /// A quote closes a field that goes on.
    case textBehindQuote
    /// No quote closes the field that one began.
    case unclosedQuote
    /// A carriage return stands by itself.
    case carriageReturn
    /// A field is no decimal number, or one that is not finite.
    case notANumber(String)
    /// A field has nothing in it.
    case emptyField
    /// A field's text cannot be encoded.
    case unusableText(TokenizerError)
    /// A class is none of those that are known.
    case unknownLabel(String, known: [String])
  }

  /// A sentence that names file, line, column and value.
  public var description: String {
    let lineWords = line.map { "line \($0)" }
    let columnWords = column.map { "column \($0) '\(name ?? "")'" }
    let place = [lineWords, columnWords].compactMap(\.self).joined(separator: ", ")
    return [file, place, problem.description].filter { !$0.isEmpty }.joined(separator: ": ")
  }
}

extension CSVError.Problem: CustomStringConvertible {
  /// A sentence that names the value.
  public var description: String {
    switch self {
    case .noHeader: "the first line has to name the columns, and there is none"
    case .duplicateName: "a column before has the same name"
    case .missingColumn(let name, let columns):
      "there is no column '\(name)'; the header names \(columns.joined(separator: ", "))"
    case .noRows: "there are no rows"
    case .fieldCount(let found, let expected):
      "there are \(found) fields, the header has \(expected)"
    case .quoteInField: "a quote stands inside a field that does not begin with one"
    case .textBehindQuote: "a field goes on behind the quote that closes it"
    case .unclosedQuote: "no quote closes the field that one begins here"
    case .carriageReturn: "a carriage return stands without a line feed"
    case .notANumber(let value): "'\(value.prefix(60))' is no number"
    case .emptyField: "the field is empty"
    case .unusableText(let error): "\(error)"
    case .unknownLabel(let label, let known):
      "'\(label.prefix(60))' is no label that the model knows: \(known.joined(separator: ", "))"
    }
  }
}
