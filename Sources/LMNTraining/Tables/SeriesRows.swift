/// Rows of one series while a table is read.
struct SeriesRows {
  private var times: [Timestamp] = []
  private var lines: [Int] = []
  /// Row by row; not a number where a value is missing.
  private var (channels, covariates): ([Double], [Double]) = ([], [])
  /// Line and column of the first missing value of a row after which no row has one; nil without.
  private var missing: CSVError?
  /// Number of rows after the last with a value of a channel.
  private var trailing = 0

  /// Appends the current row of a reader.
  mutating func append(
    _ reader: CSVReader, _ places: SeriesTable.Places, _ policy: MissingValues
  ) throws(CSVError) {
    lines.append(reader.line(at: places.channels[0]))
    if let time = places.time {
      guard let found = Timestamp(reader.string(at: time), isYear: places.isYear) else {
        throw reader.error(.notADate(reader.string(at: time)), at: time)
      }
      times.append(found)
    }
    for column in places.covariates {
      if policy == .refuse && reader.isMissing(at: column) {
        throw reader.error(.missingValue, at: column)
      }
      covariates.append(try reader.isMissing(at: column) ? .nan : reader.number(at: column))
    }
    let absent = places.channels.filter(reader.isMissing)
    if !places.covariates.isEmpty && absent.count == places.channels.count {
      // Rows known in advance, unless a value follows.
      if trailing == 0 { missing = reader.error(.missingValue, at: absent[0]) }
      trailing += 1
    } else {
      if policy == .refuse {
        if let missing, trailing > 0 { throw missing }
        if let first = absent.first { throw reader.error(.missingValue, at: first) }
      }
      trailing = 0
    }
    for column in places.channels {
      channels.append(try reader.isMissing(at: column) ? .nan : reader.number(at: column))
    }
  }

  /// The series of the rows.
  func series(
    _ reader: CSVReader, _ places: SeriesTable.Places, _ policy: MissingValues
  ) throws(CSVError) -> Series {
    var (axis, rows) = try axis(reader, places)
    var gaps: [TimeGap] = []
    if policy == .refuse {
      for row in rows.indices.dropFirst() where rows[row] > rows[row - 1] + 1 {
        gaps.append(TimeGap(rows: rows[row] - rows[row - 1] - 1, after: times[row - 1]))
      }
      rows = Array(lines.indices)
    }
    // A table of missing values only has no series.
    guard trailing < rows.count else { throw missing ?? reader.error(.noRows) }
    let count = rows[rows.count - 1 - trailing] + 1
    func names(_ columns: [Int]) -> [String] { columns.map { reader.columns[$0] } }
    var (channels, covariates) = (
      Self.placed(self.channels, at: rows, count: count),
      Self.placed(self.covariates, at: rows, count: rows.last! + 1)
    )
    var filledCount = 0
    for (column, place) in places.channels.enumerated() {
      guard
        let number = policy.fill(&channels, column: column, of: places.channels.count)
      else { throw reader.error(.noValues(reader.columns[place])) }
      filledCount += number
    }
    for (column, place) in places.covariates.enumerated() {
      guard
        let number = policy.fill(&covariates, column: column, of: places.covariates.count)
      else { throw reader.error(.noValues(reader.columns[place])) }
      filledCount += number
    }
    var series = Series(channels: names(places.channels), values: channels)
    (series.covariates, series.covariateValues) = (names(places.covariates), covariates)
    (series.gaps, series.filledCount) = (gaps, filledCount)
    // Rows with covariates only are after the last row of the series.
    series.times = axis?.ending(before: rows.last! + 1 - count)
    return series
  }

  /// The time axis, and the row of it of each row of the table.
  private func axis(
    _ reader: CSVReader, _ places: SeriesTable.Places
  ) throws(CSVError) -> (TimeAxis?, [Int]) {
    guard let column = places.time else { return (nil, Array(lines.indices)) }
    func error(_ problem: CSVError.Problem, row: Int) -> CSVError {
      CSVError(
        file: reader.file, line: lines[row], column: column + 1, name: reader.columns[column],
        problem: problem)
    }
    let fitted: (axis: TimeAxis, rows: [Int])
    do throws(TimeAxis.Fault) {
      fitted = try TimeAxis.fitting(times, name: reader.columns[column])
    } catch let fault {
      throw switch fault {
      case .order(let row):
        error(.notLater(times[row].description, than: times[row - 1].description), row: row)
      case .interval(let row):
        error(.offInterval(times[row].description, after: times[row - 1].description), row: row)
      }
    }
    return fitted
  }

  /// Rows of a table at their rows of the axis; values between them are not numbers.
  private static func placed(_ values: [Double], at rows: [Int], count: Int) -> [Double] {
    let width = values.count / rows.count
    var placed = [Double](repeating: .nan, count: width * count)
    for (row, place) in rows.enumerated() where place < count {
      for column in 0..<width { placed[place * width + column] = values[row * width + column] }
    }
    return placed
  }
}

extension MissingValues {
  /// Fills the missing values of a column, which are not numbers.
  ///
  /// - Parameters:
  ///   - values: Row by row.
  ///   - column: The column.
  ///   - width: Values per row.
  /// - Returns: Number of filled values; nil if all are missing.
  func fill(_ values: inout [Double], column: Int, of width: Int) -> Int? {
    let places = Array(stride(from: column, to: values.count, by: width))
    let present = places.indices.filter { !values[places[$0]].isNaN }
    guard let first = present.first, let last = present.last else { return nil }
    func set(_ rows: Range<Int>, _ value: (Int) -> Double) {
      for row in rows { values[places[row]] = value(row) }
    }
    set(0..<first) { _ in values[places[first]] }
    set(last + 1..<places.count) { _ in values[places[last]] }
    for (before, after) in zip(present, present.dropFirst()) where after > before + 1 {
      let (start, end) = (values[places[before]], values[places[after]])
      set(before + 1..<after) { row in
        if self == .forward { return start }
        let share = Double(row - before) / Double(after - before)
        return start * (1 - share) + end * share
      }
    }
    return places.count - present.count
  }
}
