/// Measurements of several channels at equal time intervals.
public struct Series: Sendable, Equatable {
  /// Names of the channels.
  public let channels: [String]
  /// Values in the channels' own units, row by row.
  public let values: [Double]

  /// Number of rows.
  public var count: Int { values.count / channels.count }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - bytes: The table as CSV, oldest row first.
  ///   - file: Name of the table in errors.
  ///   - channels: Columns to read, in this order; nil for all.
  ///   - encoding: Encoding of the table.
  /// - Throws: ``CSVError``, with line, column and value.
  public init(
    csv bytes: [UInt8], file: String, channels: [String]? = nil, encoding: TableEncoding = .utf8
  ) throws(CSVError) {
    var reader = try CSVReader(bytes, file: file, encoding: encoding)
    self.channels = channels ?? reader.columns
    var columns: [Int] = []
    for name in self.channels { columns.append(try reader.column(named: name)) }
    var values: [Double] = []
    while try reader.advance() {
      for column in columns { values.append(try reader.number(at: column)) }
    }
    guard !values.isEmpty else {
      throw CSVError(file: file, line: nil, column: nil, name: nil, problem: .noRows)
    }
    self.values = values
  }
}
