/// Date, with or without a time of day, on the proleptic Gregorian calendar; zones are not converted.
public struct Timestamp: Sendable, Equatable, Comparable {
  /// Seconds since 1970-01-01 00:00 of the table's clock.
  let seconds: Int
  /// Notation of the table.
  let notation: Notation

  /// Notation of dates, so that forecasts have that of their table.
  struct Notation: Sendable, Equatable {
    /// Order and separator of the parts of a date.
    enum Parts: Equatable {
      /// 1999
      case year
      /// 1999-12
      case month(separator: Character)
      /// 1999-12-31
      case day(separator: Character)
      /// 31.12.1999
      case dayFirst
    }
    var parts: Parts
    /// Character before the time of day; nil without one.
    var beforeTime: Character?
    /// Whether the time of day has seconds.
    var hasSeconds = false
    /// Text after the time of day: `Z`, or an offset from UTC.
    var zone = ""
  }

  /// The point in time with this number of seconds, in the notation of another.
  init(seconds: Int, notation: Notation) { (self.seconds, self.notation) = (seconds, notation) }

  /// Reads a date such as 1999-12, 1999-12-31, 1999/12/31 or 31.12.1999, optionally followed by a
  /// blank or `T` and a time of day such as 23:59, 23:59:59 or 23:59:59+01:00; nil for other texts.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - isYear: Whether a number such as 1999 or 1999.0 is a year.
  public init?(_ text: String, isYear: Bool = false) {
    if isYear, let number = Double(text), number.rounded() == number,
      (1...9999).contains(number)
    {
      self.init(year: Int(number), 1, 1, 0, Notation(parts: .year))
      return
    }
    let date = text.prefix { $0 != " " && $0 != "T" }
    guard let (year, month, day, parts) = Self.date(date) else { return nil }
    var notation = Notation(parts: parts)
    let rest = text.dropFirst(date.count)
    guard let first = rest.first else {
      self.init(year: year, month, day, 0, notation)
      return
    }
    notation.beforeTime = first
    let clock = rest.dropFirst().prefix { $0.isNumber || $0 == ":" || $0 == "." }
    notation.zone = String(rest.dropFirst(1 + clock.count))
    let fields = clock.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(fields.count), notation.zone.allSatisfy(Self.zoneCharacters.contains),
      let hour = Self.number(fields[0], 0...24, digits: 1...2),
      let minute = Self.number(fields[1], 0...59)
    else { return nil }
    var second = 0
    if fields.count == 3 {
      // Fractions of a second have to be zero.
      let parts = fields[2].split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count <= 2, let whole = Self.number(parts[0], 0...60),
        parts.dropFirst().allSatisfy({ $0.allSatisfy { $0 == "0" } })
      else { return nil }
      (second, notation.hasSeconds) = (whole, true)
    }
    self.init(year: year, month, day, hour * 3600 + minute * 60 + second, notation)
  }

  private static let zoneCharacters = Set("Z+-:0123456789")

  private init(year: Int, _ month: Int, _ day: Int, _ ofDay: Int, _ notation: Notation) {
    self.init(
      seconds: Self.days(year: year, month: month, day: day) * 86400 + ofDay, notation: notation)
  }

  private static func date(
    _ text: Substring
  ) -> (year: Int, month: Int, day: Int, parts: Notation.Parts)? {
    guard let separator = text.first(where: { "-/.".contains($0) }) else { return nil }
    let fields = text.split(separator: separator, omittingEmptySubsequences: false)
    if separator == ".", fields.count == 3 {
      guard let year = number(fields[2], 1...9999, digits: 4...4),
        let month = number(fields[1], 1...12),
        let day = number(fields[0], 1...dayCount(year: year, month: month))
      else { return nil }
      return (year, month, day, .dayFirst)
    }
    // A number such as 1999.5 is no date.
    guard separator != ".", (2...3).contains(fields.count),
      let year = number(fields[0], 1...9999, digits: 4...4), let month = number(fields[1], 1...12)
    else { return nil }
    if fields.count == 2 { return (year, month, 1, .month(separator: separator)) }
    guard let day = number(fields[2], 1...dayCount(year: year, month: month)) else { return nil }
    return (year, month, day, .day(separator: separator))
  }

  private static func number(
    _ text: Substring, _ range: ClosedRange<Int>, digits: ClosedRange<Int> = 2...2
  ) -> Int? {
    guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int(text), range.contains(number)
    else { return nil }
    return number
  }

  /// Order in time.
  public static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

  // MARK: - Calendar

  /// Days from 1970-01-01, by counting years from March.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let fromMarch = month > 2 ? month - 3 : month + 9
    let year = month > 2 ? year : year - 1
    let leapDays = year / 4 - year / 100 + year / 400
    return 365 * year + leapDays + (153 * fromMarch + 2) / 5 + day - 1 - 719468
  }

  private static func dayCount(year: Int, month: Int) -> Int {
    let next = month == 12 ? (year + 1, 1) : (year, month + 1)
    return days(year: next.0, month: next.1, day: 1) - days(year: year, month: month, day: 1)
  }

  /// Year, month, day and second of the day.
  private var fields: (year: Int, month: Int, day: Int, ofDay: Int) {
    let ofDay = ((seconds % 86400) + 86400) % 86400
    let days = (seconds - ofDay) / 86400
    // The estimate is at most a year too late.
    var year = 1970 + Int((Double(days) / 365.2425).rounded(.up))
    while Self.days(year: year, month: 1, day: 1) > days { year -= 1 }
    var month = 12
    while Self.days(year: year, month: month, day: 1) > days { month -= 1 }
    return (year, month, 1 + days - Self.days(year: year, month: month, day: 1), ofDay)
  }

  /// Number of months since year 0.
  var months: Int { 12 * fields.year + fields.month - 1 }

  /// The point in time some months later, at the same time of the same day, or of the last day of a
  /// shorter month.
  func adding(months count: Int, day: Int) -> Timestamp {
    let months = months + count
    let (year, month) = (months / 12, months % 12 + 1)
    let day = min(day, Self.dayCount(year: year, month: month))
    return Timestamp(
      seconds: Self.days(year: year, month: month, day: day) * 86400 + fields.ofDay,
      notation: notation)
  }

  /// Day of the month.
  var day: Int { fields.day }

  /// Whether the day is the last of its month.
  var isLastOfMonth: Bool {
    let (year, month, day, _) = fields
    return day == Self.dayCount(year: year, month: month)
  }
}

extension Timestamp: CustomStringConvertible {
  /// The point in time in the notation of its table.
  public var description: String {
    func padded(_ number: Int, _ width: Int = 2) -> String {
      let text = "\(number)"
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let (year, month, day, ofDay) = fields
    let date =
      switch notation.parts {
      case .year: padded(year, 4)
      case .month(let separator): "\(padded(year, 4))\(separator)\(padded(month))"
      case .day(let separator):
        "\(padded(year, 4))\(separator)\(padded(month))\(separator)\(padded(day))"
      case .dayFirst: "\(padded(day)).\(padded(month)).\(padded(year, 4))"
      }
    guard let beforeTime = notation.beforeTime else { return date }
    let seconds = notation.hasSeconds ? ":\(padded(ofDay % 60))" : ""
    return
      "\(date)\(beforeTime)\(padded(ofDay / 3600)):\(padded(ofDay / 60 % 60))\(seconds)\(notation.zone)"
  }
}
