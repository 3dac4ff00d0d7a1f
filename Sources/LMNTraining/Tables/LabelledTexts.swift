public import LMNKernels

/// Texts of a table, with labels where they are known.
public struct LabelledTexts: Sendable {
  /// Name of the table in errors.
  public let file: String
  /// One text per row.
  public private(set) var texts: [[UInt8]]
  /// The label of each text; nil where no label column was read.
  public private(set) var labels: [String]?
  /// The column that identifies the rows; nil where none was read.
  public private(set) var ids: IDColumn?
  private var textPlaces, labelPlaces: Places

  /// Lines of a column's values.
  private struct Places {
    let column: Int
    let name: String
    var lines: [Int] = []
  }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - bytes: The table as CSV.
  ///   - file: Name of the table in errors.
  ///   - textColumn: Column of the texts.
  ///   - labelColumn: Column of the labels, none of them empty; nil for texts without labels.
  ///   - idColumn: Column that identifies the rows; nil for none.
  ///   - format: Format of the table.
  ///   - allowsEmpty: Whether texts may be empty.
  /// - Throws: ``CSVError``, with line and column.
  public init(
    csv bytes: [UInt8], file: String, textColumn: String, labelColumn: String?,
    idColumn: String? = nil, format: TableFormat = .init(), allowsEmpty: Bool = false
  ) throws(CSVError) {
    var reader = try CSVReader(bytes, file: file, format: format)
    let text = try reader.column(named: textColumn)
    let label: Int? =
      if let labelColumn { try reader.column(named: labelColumn) } else { nil }
    let id: Int? = if let idColumn { try reader.column(named: idColumn) } else { nil }
    var (texts, labels): ([[UInt8]], [String]) = ([], [])
    var ids = idColumn.map { IDColumn(name: $0, values: []) }
    var textPlaces = Places(column: text, name: textColumn)
    var labelPlaces = Places(column: label ?? 0, name: labelColumn ?? "")
    while try reader.advance() {
      for column in [allowsEmpty ? nil : text, label].compactMap(\.self)
      where reader.text(at: column).isEmpty {
        throw reader.error(.emptyField, at: column)
      }
      texts.append(reader.text(at: text))
      textPlaces.lines.append(reader.line(at: text))
      if let id { ids?.values.append(reader.string(at: id)) }
      if let label {
        labels.append(reader.string(at: label))
        labelPlaces.lines.append(reader.line(at: label))
      }
    }
    guard !texts.isEmpty else {
      throw CSVError(file: file, line: nil, column: nil, name: nil, problem: .noRows)
    }
    self.file = file
    self.texts = texts
    self.labels = label == nil ? nil : labels
    self.ids = ids
    (self.textPlaces, self.labelPlaces) = (textPlaces, labelPlaces)
  }

  /// Reads a table of training data.
  public init(
    csv bytes: [UInt8], file: String, settings: ClassificationSettings,
    format: TableFormat = .init(), allowsEmpty: Bool = false
  ) throws(CSVError) {
    try self.init(
      csv: bytes, file: file, textColumn: settings.textColumn, labelColumn: settings.labelColumn,
      format: format, allowsEmpty: allowsEmpty)
  }

  /// The rows of the given indices, in their order.
  package func selecting(_ rows: [Int]) -> LabelledTexts {
    var selected = self
    selected.texts = rows.map { texts[$0] }
    selected.labels = labels.map { labels in rows.map { labels[$0] } }
    selected.ids?.values = ids.map { ids in rows.map { ids.values[$0] } } ?? []
    selected.textPlaces.lines = rows.map { textPlaces.lines[$0] }
    if labels != nil { selected.labelPlaces.lines = rows.map { labelPlaces.lines[$0] } }
    return selected
  }

  /// Lines of the texts that are empty.
  public var emptyLines: [Int] {
    texts.indices.filter { texts[$0].isEmpty }.map { textPlaces.lines[$0] }
  }

  /// Number of tokens of each text.
  public func lengths(by tokenizer: Tokenizer) throws(CSVError) -> [Int] {
    try tokens(by: tokenizer).map(\.count)
  }

  /// The vocabulary of all texts.
  ///
  /// - Parameter hasUnknown: Whether it has an unknown token; see ``Vocabulary/init(of:hasUnknown:)``.
  /// - Returns: The vocabulary.
  /// - Throws: ``TokenizerError/emptyVocabulary``.
  public func vocabulary(hasUnknown: Bool = false) throws(TokenizerError) -> Vocabulary {
    var counts: [Unicode.Scalar: Int] = [:]
    for text in texts {
      for character in String(decoding: text, as: UTF8.self).unicodeScalars {
        counts[character, default: 0] += 1
      }
    }
    return try Vocabulary(counts: counts, hasUnknown: hasUnknown)
  }

  /// Tokens of each text.
  public func tokens(by tokenizer: Tokenizer) throws(CSVError) -> [[Token]] {
    try encoded(by: tokenizer).tokens
  }

  /// Tokens of each text, and the number of characters outside the vocabulary in all of them.
  public func encoded(
    by tokenizer: Tokenizer, skippingUnknown: Bool = false
  ) throws(CSVError) -> (tokens: [[Token]], unknownCount: Int) {
    var (tokens, unknownCount) = ([[Token]](), 0)
    for row in texts.indices {
      var encoder = StreamingEncoder(tokenizer, skippingUnknown: skippingUnknown)
      do throws(TokenizerError) { tokens.append(try encoder.encode(texts[row])) } catch {
        throw self.error(.unusableText(error), in: row, of: textPlaces)
      }
      unknownCount += encoder.unknownCount
    }
    return (tokens, unknownCount)
  }

  /// Index of each text's label in `names`.
  ///
  /// - Precondition: Labels were read.
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

  private func error(_ problem: CSVError.Problem, in row: Int, of places: Places) -> CSVError {
    CSVError(
      file: file, line: places.lines[row], column: places.column + 1, name: places.name,
      problem: problem)
  }
}
