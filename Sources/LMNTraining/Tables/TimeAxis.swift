/// Points in time of the rows of a series, at equal intervals or in equal numbers of months.
public struct TimeAxis: Sendable, Equatable {
  /// Name of the time column.
  public let name: String
  /// Time of the last row.
  public let last: Timestamp
  /// Interval between two rows.
  let step: Step
  /// Day of the month in steps of months; 31 for the last.
  private let day: Int

  /// Interval between two rows.
  enum Step: Equatable {
    case seconds(Int)
    case months(Int)
  }

  /// Time of the row that is `rows` rows after the last.
  public func time(after rows: Int) -> Timestamp {
    switch step {
    case .seconds(let step):
      Timestamp(seconds: last.seconds + rows * step, notation: last.notation)
    case .months(let step): last.adding(months: rows * step, day: day)
    }
  }

  /// The axis of the rows up to one that is `rows` rows before the last.
  func ending(before rows: Int) -> TimeAxis {
    TimeAxis(name: name, last: time(after: -rows), step: step, day: day)
  }

  /// Error in the times of a table's rows.
  enum Fault: Error {
    /// A row is not later than the row before.
    case order(row: Int)
    /// A row is not at a multiple of the interval.
    case interval(row: Int)
  }

  /// The axis of some times, and the row of the axis of each.
  ///
  /// The interval is the most frequent one; rows of the axis may be missing from the times.
  ///
  /// - Parameters:
  ///   - times: Times of a table's rows, at least one.
  ///   - name: Name of the time column.
  /// - Returns: The axis and the rows.
  /// - Throws: The first row that fits no axis.
  static func fitting(
    _ times: [Timestamp], name: String
  ) throws(Fault) -> (axis: TimeAxis, rows: [Int]) {
    for row in times.indices.dropFirst() where times[row] <= times[row - 1] {
      throw .order(row: row)
    }
    let intervals = zip(times.dropFirst(), times).map { $0.seconds - $1.seconds }
    let usual = mostFrequent(intervals) ?? 1
    let isMonthly =
      usual >= 28 * 86400
      && (times.allSatisfy { $0.day == times[0].day } || times.allSatisfy(\.isLastOfMonth))
    if isMonthly {
      let months = times.map { $0.months - times[0].months }
      let step = mostFrequent(zip(months.dropFirst(), months).map { $0 - $1 }) ?? 1
      let axis = TimeAxis(
        name: name, last: times.last!, step: .months(step),
        day: times.allSatisfy(\.isLastOfMonth) ? 31 : times[0].day)
      let rows = months.map { $0 / step }
      for (row, (place, time)) in zip(rows, times).enumerated()
      where axis.time(after: place - rows.last!) != time { throw .interval(row: row) }
      return (axis, rows)
    }
    let offsets = times.map { $0.seconds - times[0].seconds }
    for (row, offset) in offsets.enumerated() where !offset.isMultiple(of: usual) {
      throw .interval(row: row)
    }
    let axis = TimeAxis(
      name: name, last: times.last!, step: .seconds(usual), day: times[0].day)
    return (axis, offsets.map { $0 / usual })
  }

  /// The most frequent number; the smallest of several.
  private static func mostFrequent(_ numbers: [Int]) -> Int? {
    Dictionary(numbers.map { ($0, 1) }, uniquingKeysWith: +)
      .max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }
}
