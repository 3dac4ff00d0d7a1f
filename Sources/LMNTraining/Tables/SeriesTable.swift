/// Series of a table: one, or several told apart by a column.
public struct SeriesTable: Sendable {
  /// Name of the table in errors.
  public let file: String
  /// The series, in the order of their first rows.
  public let series: [Series]

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - bytes: The table as CSV, oldest row of each series first.
  ///   - file: Name of the table in errors.
  ///   - columns: Meaning of the columns.
  ///   - format: Format of the table.
  /// - Throws: ``CSVError``, with line, column and value.
  public init(
    csv bytes: [UInt8], file: String, columns: SeriesColumns, format: TableFormat = .init()
  ) throws(CSVError) {
    var reader = try CSVReader(bytes, file: file, format: format)
    guard try reader.advance() else {
      throw CSVError(file: file, line: nil, column: nil, name: nil, problem: .noRows)
    }
    let places = try Places(of: columns, in: reader)
    var (names, rows): ([String?], [String?: SeriesRows]) = ([], [:])
    repeat {
      let name = places.series.map(reader.string)
      if rows[name] == nil { names.append(name) }
      try rows[name, default: SeriesRows()].append(reader, places, columns.missing)
    } while try reader.advance()
    var series: [Series] = []
    for name in names {
      var found = try rows[name]!.series(reader, places, columns.missing)
      found.name = name
      series.append(found)
    }
    (self.file, self.series) = (file, series)
  }

  /// Number of rows of all series.
  public var rowCount: Int { series.reduce(0) { $0 + $1.count } }

  /// Number of filled values of all series.
  public var filledCount: Int { series.reduce(0) { $0 + $1.filledCount } }

  /// Indices of a table's columns.
  struct Places {
    let channels, covariates: [Int]
    let time, series: Int?
    /// Whether the times are numbers of years.
    let isYear: Bool

    /// The columns of a reader at its first row.
    init(of columns: SeriesColumns, in reader: CSVReader) throws(CSVError) {
      var named: [[Int]] = []
      for names in [columns.channels ?? [], columns.covariates] {
        var found: [Int] = []
        for name in names { found.append(try reader.column(named: name)) }
        named.append(found)
      }
      let (channels, covariates) = (named[0], named[1])
      let series: Int? =
        if let name = columns.series { try reader.column(named: name) } else { nil }
      let others = reader.columns.indices.filter {
        !(channels + covariates + [series ?? -1]).contains($0)
      }
      switch columns.time {
      case .recognised:
        time = others.first { Self.isTime(reader.string(at: $0), called: reader.columns[$0]) }
      case .none: time = nil
      case .named(let name): time = try reader.column(named: name)
      }
      isYear = time.map { Timestamp(reader.string(at: $0)) == nil } ?? false
      let (time, isNamed) = (time, columns.channels != nil)
      self.channels = isNamed ? channels : others.filter { $0 != time }
      (self.covariates, self.series) = (covariates, series)
      if self.channels.isEmpty { throw reader.error(.noChannels) }
      let all = self.channels + covariates + [time, series].compactMap(\.self)
      if let twice = all.first(where: { column in all.count { $0 == column } > 1 }) {
        throw reader.error(.usedTwice(reader.columns[twice]))
      }
    }

    /// Whether a field is a date, or a year in a column with a name of times.
    private static func isTime(_ text: String, called name: String) -> Bool {
      let isYear = ["year", "date", "time", "datetime", "timestamp"].contains(name.lowercased())
      return Timestamp(text, isYear: isYear) != nil
    }
  }
}

/// Meaning of the columns of a table with series.
public struct SeriesColumns: Sendable, Codable, Equatable {
  /// Columns to forecast; nil for all without another meaning.
  public var channels: [String]?
  /// Columns of known inputs, which are not forecast.
  public var covariates: [String] = []
  /// The column of the times.
  public var time = TimeColumn.recognised
  /// Column that tells several series apart; nil for one series.
  public var series: String?
  /// Treatment of missing values.
  public var missing = MissingValues.refuse

  /// All columns but a recognised time column are channels.
  public init() {}
}

/// Column of the times of a series.
public enum TimeColumn: Sendable, Codable, Equatable {
  /// The first column without another meaning whose first field is a date, or a year under a name
  /// such as `year` or `date`.
  case recognised
  /// No column: rows are at equal intervals, whatever their dates.
  case none
  /// The column of this name.
  case named(String)
}

/// Treatment of missing values, empty fields, NA, NaN, N/A, null or None, and of missing rows.
public enum MissingValues: String, Sendable, Codable, CaseIterable {
  /// A missing value is an error; missing rows are left out, so the rows around them are neighbours.
  case refuse
  /// On a straight line between the values before and after; beyond the ends the nearest value.
  case interpolate
  /// The value before; before the first value that one.
  case forward
}
