public import LMNKernels

/// Texts of a table, and their classes where they are known.
public struct LabelledTexts: Sendable {
  /// What errors call the table.
  public let file: String
  /// A text per row, none of them empty.
  public let texts: [[UInt8]]
  /// The name of every text's class; nil where no column was asked for.
  public let labels: [String]?
  private let textPlaces, labelPlaces: Places

  /// Where the values of a column stand.
  private struct Places {
    let column: Int
    let name: String
    var lines: [Int] = []
  }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - bytes: The table.
  ///   - file: What errors call it.
  ///   - textColumn: The column with the texts.
  ///   - labelColumn: The column with the names of their classes; nil to leave them alone.
  /// - Throws: ``CSVError``, whose sentence names line and column.
  public init(
    csv bytes: [UInt8], file: String, textColumn: String, labelColumn: String?
  ) throws(CSVError) {
    var reader = try CSVReader(bytes, file: file)
    let text = try reader.column(named: textColumn)
    let label: Int? =
      if let labelColumn { try reader.column(named: labelColumn) } else { nil }
    var (texts, labels): ([[UInt8]], [String]) = ([], [])
    var textPlaces = Places(column: text, name: textColumn)
    var labelPlaces = Places(column: label ?? 0, name: labelColumn ?? "")
    while try reader.advance() {
      for column in [text, label].compactMap(\.self) where reader.text(at: column).isEmpty {
        throw reader.error(.emptyField, at: column)
      }
      texts.append(reader.text(at: text))
      textPlaces.lines.append(reader.line(at: text))
      if let label {
        labels.append(String(decoding: reader.text(at: label), as: UTF8.self))
        labelPlaces.lines.append(reader.line(at: label))
      }
    }
    guard !texts.isEmpty else {
      throw CSVError(file: file, line: nil, column: nil, name: nil, problem: .noRows)
    }
    self.file = file
    self.texts = texts
    self.labels = label == nil ? nil : labels
    (self.textPlaces, self.labelPlaces) = (textPlaces, labelPlaces)
  }

  /// Reads a table that is learned from.
  public init(
    csv bytes: [UInt8], file: String, settings: ClassificationSettings
  ) throws(CSVError) {
    try self.init(
      csv: bytes, file: file, textColumn: settings.textColumn, labelColumn: settings.labelColumn)
  }

  /// The tokens of the longest text.
  public func longest(by tokenizer: Tokenizer) throws(CSVError) -> Int {
    try tokens(by: tokenizer).reduce(0) { max($0, $1.count) }
  }

  /// The characters of all texts.
  public func vocabulary() throws -> Vocabulary {
    var characters: Set<Unicode.Scalar> = []
    for row in texts.indices {
      characters.formUnion(
        try naming(row) { () throws(TokenizerError) in try Vocabulary(of: texts[row]).characters })
    }
    return try Vocabulary(characters.sorted())
  }

  /// The tokens of every text.
  public func tokens(by tokenizer: Tokenizer) throws(CSVError) -> [[Token]] {
    var tokens: [[Token]] = []
    for row in texts.indices {
      tokens.append(
        try naming(row) { () throws(TokenizerError) in try tokenizer.encode(texts[row]) })
    }
    return tokens
  }

  /// The place of every text's label among `names`.
  ///
  /// - Precondition: The labels were read.
  public func classes(among names: [String]) throws(CSVError) -> [Int] {
    guard let labels else { preconditionFailure("LabelledTexts: no labels were read") }
    let places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
    var classes: [Int] = []
    for (row, label) in labels.enumerated() {
      guard let place = places[label] else {
        throw error(.unknownLabel(label, known: names), in: row, of: labelPlaces)
      }
      classes.append(place)
    }
    return classes
  }

  private func naming<Result>(
    _ row: Int, _ body: () throws(TokenizerError) -> Result
  ) throws(CSVError) -> Result {
    do throws(TokenizerError) { return try body() } catch {
      throw self.error(.unusableText(error), in: row, of: textPlaces)
    }
  }

  private func error(_ problem: CSVError.Problem, in row: Int, of places: Places) -> CSVError {
    CSVError(
      file: file, line: places.lines[row], column: places.column + 1, name: places.name,
      problem: problem)
  }
}
