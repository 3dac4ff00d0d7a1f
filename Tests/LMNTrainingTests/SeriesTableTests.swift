import LMN
import Testing

@testable import LMNTraining

/// Tables of series as they are found: times, missing values, covariates, several series, formats.
@Suite struct SeriesTableTests {
  private func table(
    _ text: String, format: TableFormat = .init(),
    _ change: (inout SeriesColumns) -> Void = { _ in }
  ) throws -> SeriesTable {
    var columns = SeriesColumns()
    change(&columns)
    return try SeriesTable(csv: Array(text.utf8), file: "s.csv", columns: columns, format: format)
  }

  private func sentence(
    _ text: String, _ change: (inout SeriesColumns) -> Void = { _ in }
  ) -> String? {
    #expect(throws: CSVError.self) { try table(text, change) }?.description
  }

  // MARK: - Times

  /// The time column is no channel; times go on in their own notation.
  @Test(arguments: [
    (["2020-01-30", "2020-01-31", "2020-02-01"], "2020-02-02"),
    (["2024-02-27 00:00", "2024-02-28 00:00"], "2024-02-29 00:00"),
    (["2020/12/31 22:00", "2020/12/31 23:00"], "2021/01/01 00:00"),
    (["1999-12-31T23:59:58Z", "1999-12-31T23:59:59Z"], "2000-01-01T00:00:00Z"),
    (["31.12.1999", "01.01.2000"], "02.01.2000"),
    (["1999-11", "1999-12"], "2000-01"),
    (["2020-01-31", "2020-02-29", "2020-03-31"], "2020-04-30"),
    (["1958-03-29", "1958-04-05"], "1958-04-12"),
    (["1960-03-15", "1960-02-15"].reversed(), "1960-04-15"),
    (["1700.0", "1701.0"], "1702"),
  ])
  func timesGoOn(times: [String], next: String) throws {
    let rows = times.enumerated().map { "\($1),\($0)\n" }.joined()
    let series = try table("date,x\n" + rows).series[0]
    #expect(series.channels == ["x"] && series.values == times.indices.map(Double.init))
    let axis = try #require(series.times)
    #expect(axis.name == "date" && axis.time(after: 1).description == next)
    #expect(axis.time(after: -1) < axis.last)
  }

  @Test func everyDayHasItsDate() throws {
    // 400 years have 146,097 days.
    let first = try #require(Timestamp("1900-03-01"))
    var before = first
    for day in 1...146_097 {
      let next = Timestamp(seconds: first.seconds + 86400 * day, notation: first.notation)
      #expect(try #require(Timestamp(next.description)) == next)
      #expect(next.description > before.description)
      before = next
    }
    #expect(before.description == "2300-03-01")
  }

  @Test(arguments: [
    "2020-13", "2020-00-01", "2021-02-29", "2020-1", "20-01-01", "1999.5", "2020-01-01 7", "x", "",
    "2020-01-01 24:61", "2020-01-01 10:00:00.5", "01/02/2020", "32.01.2020", "1-2-3",
  ])
  func noDateIsMadeUp(text: String) { #expect(Timestamp(text) == nil) }

  /// Only a column with a name of times has years; numbers elsewhere are measurements.
  @Test func yearsNeedAName() throws {
    #expect(try table("YEAR,x\n1700,1\n1701,2\n").series[0].channels == ["x"])
    #expect(try table("a,x\n1700,1\n1701,2\n").series[0].channels == ["a", "x"])
    let named = try table("a,x\n1700,1\n1702,2\n") { $0.time = .named("a") }.series[0]
    #expect(named.times?.time(after: 2).description == "1706")
    let chosen = try table("year,x\n1700,1\n1701,2\n") { $0.channels = ["year"] }.series[0]
    #expect(chosen.values == [1700, 1701] && chosen.times == nil)
  }

  @Test func faultyTimesAreNamed() {
    #expect(
      sentence("date,x\n2020-01-01,1\n2020-01-03,2\n2020-01-02,3\n")
        == "s.csv: line 4, column 1 'date': 2020-01-02 is not later than 2020-01-03 in the row before; a "
        + "series has its oldest row first, and --series-column tells several apart")
    #expect(
      sentence("date,x\n2020-01-01,1\nsoon,2\n")
        == "s.csv: line 3, column 1 'date': 'soon' is not a date such as 1999-12-31 or 1999-12-31 23:59; "
        + "--time-column none takes the rows as they are")
    #expect(
      sentence(
        "date,x\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 02:00,3\n2020-01-01 02:30,4\n")
        == "s.csv: line 5, column 1 'date': 2020-01-01 02:30 after 2020-01-01 02:00 is not a multiple of "
        + "the usual interval; --time-column none takes the rows as they are")
  }

  /// Missing rows are told, or filled.
  @Test func gapsAreTold() throws {
    let text = "date,x\n2020-01-01,1\n2020-01-02,2\n2020-01-05,8\n2020-01-06,9\n"
    let plain = try table(text).series[0]
    #expect(plain.values == [1, 2, 8, 9] && plain.gaps.map(\.rows) == [2])
    #expect(plain.gaps[0].after.description == "2020-01-02")
    let filled = try table(text) { $0.missing = .interpolate }.series[0]
    #expect(filled.values == [1, 2, 4, 6, 8, 9] && filled.gaps.isEmpty && filled.filledCount == 2)
    #expect(try table(text) { $0.missing = .forward }.series[0].values == [1, 2, 2, 2, 8, 9])
    for series in [plain, filled] {
      #expect(series.times?.time(after: 1).description == "2020-01-07")
    }
    #expect(filled.prefix(3).times?.last.description == "2020-01-03")
    #expect(
      try table(text) {
        $0.channels = ["x"]; $0.time = .none
      }.series[0].gaps.isEmpty)
  }

  // MARK: - Missing values

  @Test func missingValuesAreFilled() throws {
    let text = "a,b\n,1\n2,NA\nNaN,4\n,null\n8,\n"
    let filled = try table(text) { $0.missing = .interpolate }
    #expect(filled.series[0].values == [2, 1, 2, 2.5, 4, 4, 6, 4, 8, 4] && filled.filledCount == 6)
    let forward = try table(text) { $0.missing = .forward }
    #expect(forward.series[0].values == [2, 1, 2, 1, 2, 4, 2, 4, 8, 4])
    #expect(
      sentence(text)
        == "s.csv: line 2, column 1 'a': the value is missing; --missing interpolate or forward fills it"
    )
    #expect(
      sentence("a,b\n1,\n2,\n") { $0.missing = .interpolate }
        == "s.csv: the column 'b' has no value")
  }

  // MARK: - Columns

  /// Rows with covariates only are known in advance.
  @Test func covariatesAreKnownInAdvance() throws {
    let series = try table("day,x,open\n2020-01-01,1,0\n2020-01-02,2,1\n2020-01-03,,1\n") {
      $0.covariates = ["open"]
    }.series[0]
    #expect(series.channels == ["x"] && series.values == [1, 2])
    #expect(series.covariates == ["open"] && series.covariateValues == [0, 1, 1])
    #expect(series.times?.last.description == "2020-01-02")
    #expect(
      sentence("x,open\n1,0\n,1\n3,1\n") { $0.covariates = ["open"] }
        == "s.csv: line 3, column 1 'x': the value is missing; --missing interpolate or forward fills it"
    )
    #expect(
      sentence("x,open\n1,0\n2,\n") { $0.covariates = ["open"] }
        == "s.csv: line 3, column 2 'open': the value is missing; --missing interpolate or forward fills it"
    )
    #expect(
      sentence("x,y\n1,2\n") {
        $0.covariates = ["x"]; $0.series = "x"
      }
        == "s.csv: the column 'x' is used twice")
    #expect(sentence("x\n1\n") { $0.covariates = ["x"] } == "s.csv: there is no column to forecast")
  }

  /// Rows of several series may be mixed.
  @Test func seriesAreToldApart() throws {
    let found = try table("shop,date,x\nb,2020-01-01,1\na,2020-01-01,5\nb,2020-01-02,2\n") {
      $0.series = "shop"
    }
    #expect(found.series.map(\.name) == ["b", "a"] && found.rowCount == 3)
    #expect(found.series.map(\.values) == [[1, 2], [5]])
  }

  // MARK: - Formats

  @Test func formatsAreRead() throws {
    var format = TableFormat()
    (format.delimiter, format.decimalComma) = (UInt8(ascii: ";"), true)
    #expect(
      try table("a;b\n1,5;-2\n3e1;0,25\n", format: format).series[0].values == [1.5, -2, 30, 0.25])
    let error = #expect(throws: CSVError.self) { try table("a;b\n1.5;2\n", format: format) }
    #expect(error?.description == "s.csv: line 2, column 1 'a': '1.5' is not a number")
    var bare = TableFormat()
    bare.hasHeader = false
    let series = try table("1,2\n3,4\n", format: bare).series[0]
    #expect(series.channels == ["1", "2"] && series.values == [1, 2, 3, 4])
  }
}
