/// Measurements of several channels, at equal distances in time.
public struct Series: Sendable, Equatable {
  /// The names of the channels.
  public let channels: [String]
  /// In the channels' own units, row by row: a value per channel.
  public let values: [Double]

  /// How many rows there are.
  public var count: Int { values.count / channels.count }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - bytes: The table, oldest row first.
  ///   - file: What errors call it.
  ///   - channels: The columns to take, in this order; nil for all.
  /// - Throws: ``CSVError``, whose sentence names line, column and value.
  public init(csv bytes: [UInt8], file: String, channels: [String]? = nil) throws(CSVError) {
    var reader = try CSVReader(bytes, file: file)
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
