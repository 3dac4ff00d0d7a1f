/// Rows that are missing between two times.
public struct TimeGap: Sendable, Equatable {
  /// Number of missing rows.
  public let rows: Int
  /// Time of the row before.
  public let after: Timestamp
}

/// Measurements of several channels at equal time intervals.
public struct Series: Sendable, Equatable {
  /// Name of the series in a table of several; nil for the only one.
  public var name: String?
  /// Names of the channels.
  public let channels: [String]
  /// Values in the channels' own units, row by row.
  public let values: [Double]
  /// Names of the covariates: known inputs that are not forecast.
  public var covariates: [String] = []
  /// Values of the covariates, row by row; rows after the last of ``values`` are known in advance.
  public var covariateValues: [Double] = []
  /// Times of the rows; nil without a time column.
  public var times: TimeAxis?
  /// Places where rows are missing; empty if they are filled.
  public var gaps: [TimeGap] = []
  /// Number of values that were missing and are filled.
  public var filledCount = 0

  /// A series of the given values.
  ///
  /// - Precondition: There is at least one row, and all rows are complete.
  public init(channels: [String], values: [Double]) {
    precondition(
      !values.isEmpty && values.count.isMultiple(of: channels.count),
      "Series: \(values.count) values in rows of \(channels.count)")
    (self.channels, self.values) = (channels, values)
  }

  /// Number of rows.
  public var count: Int { values.count / channels.count }

  /// Number of rows of covariates; at least ``count`` where there are covariates.
  public var covariateCount: Int {
    covariates.isEmpty ? 0 : covariateValues.count / covariates.count
  }

  /// The first rows.
  public func prefix(_ count: Int) -> Series {
    var part = Series(channels: channels, values: Array(values.prefix(count * channels.count)))
    (part.name, part.times) = (name, times?.ending(before: self.count - count))
    part.covariates = covariates
    part.covariateValues = Array(covariateValues.prefix(count * covariates.count))
    return part
  }

  /// Reads the only series of a table.
  ///
  /// - Parameters:
  ///   - bytes: The table as CSV, oldest row first.
  ///   - file: Name of the table in errors.
  ///   - channels: Columns to read, in this order; nil for all but a time column.
  ///   - format: Format of the table.
  /// - Throws: ``CSVError``, with line, column and value.
  public init(
    csv bytes: [UInt8], file: String, channels: [String]? = nil, format: TableFormat = .init()
  ) throws(CSVError) {
    var columns = SeriesColumns()
    columns.channels = channels
    self = try SeriesTable(csv: bytes, file: file, columns: columns, format: format).series[0]
  }
}
