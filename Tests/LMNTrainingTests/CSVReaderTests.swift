import LMN
import Testing

@Suite struct CSVReaderTests {
  /// Header and rows of a table, as text.
  private func table(_ text: String) throws -> [[String]] {
    var reader = try CSVReader(Array(text.utf8), file: "t.csv")
    var table = [reader.columns]
    while try reader.advance() {
      table.append(
        reader.columns.indices.map { String(decoding: reader.text(at: $0), as: UTF8.self) })
    }
    return table
  }

  @Test(arguments: [
    "a,b\n1,2\n3,4\n",
    "a,b\n1,2\n3,4",
    "a,b\r\n1,2\r\n3,4\r\n",
    "a,b\r\n1,2\n3,4\r\n\r\n",
    "a,b\n1,2\n3,4\n\n\n",
    "\u{FEFF}a,b\n1,2\n3,4\n",
    "\"a\",\"b\"\n\"1\",2\n3,\"4\"",
    "\u{FEFF}\"a\",b\n1,\"2\"\n3,4\r\n",
  ])
  func readsTheSameTable(text: String) throws {
    #expect(try table(text) == [["a", "b"], ["1", "2"], ["3", "4"]])
  }

  @Test(arguments: [
    ("a,b\n\"x,y\",\"\"", [["a", "b"], ["x,y", ""]]),
    ("a,b\n\"x\ny\",\"\r\n\"\nz,w", [["a", "b"], ["x\ny", "\r\n"], ["z", "w"]]),
    ("a\n\"\"\"\"\n\"\"\"x\"\"\"\"y\"\n", [["a"], ["\""], ["\"x\"\"y"]]),
    ("a,b\n,\n", [["a", "b"], ["", ""]]),
    ("a,b\n,x\nx,", [["a", "b"], ["", "x"], ["x", ""]]),
    ("a\nx\n\ny\n", [["a"], ["x"], [""], ["y"]]),
    ("a\n ' ' \n", [["a"], [" ' ' "]]),
    ("ä,😀\nö,\u{0}", [["ä", "😀"], ["ö", "\u{0}"]]),
    ("a\n", [["a"]]),
    (",b\n1,2", [["", "b"], ["1", "2"]]),
  ])
  func readsFields(text: String, expected: [[String]]) throws {
    #expect(try table(text) == expected)
  }

  @Test(arguments: [
    ("", "t.csv: the header line with the column names is missing"),
    ("\n\r\n", "t.csv: the header line with the column names is missing"),
    ("\u{FEFF}", "t.csv: the header line with the column names is missing"),
    ("a,b,a\n", "t.csv: line 1, column 3 'a': an earlier column has the same name"),
    ("a,b\n1,2\n3\n", "t.csv: line 3: there are 1 fields, the header has 2"),
    ("a,b\n1,2,3\n", "t.csv: line 2: there are 3 fields, the header has 2"),
    ("a,b\n1,2\n\n3,4", "t.csv: line 3: there are 1 fields, the header has 2"),
    ("a,b\n\"\n\n\",2\n3", "t.csv: line 5: there are 1 fields, the header has 2"),
    ("a,b\n\"\n\n\"\n3,4", "t.csv: line 2: there are 1 fields, the header has 2"),
    ("a\nx\"y", "t.csv: line 2: a field without quotes around it contains a quote"),
    ("a\n \"y\"", "t.csv: line 2: a field without quotes around it contains a quote"),
    ("a\n\"x\ny\"z", "t.csv: line 3: text follows the closing quote of a field"),
    ("a\n\"x\"\"", "t.csv: line 2: the closing quote of a field that begins here is missing"),
    ("a\n1\n\"x\n\n", "t.csv: line 3: the closing quote of a field that begins here is missing"),
    ("a\n1\r2", "t.csv: line 2: a carriage return is not followed by a line feed"),
  ])
  func namesThePlace(text: String, sentence: String) {
    let error = #expect(throws: CSVError.self) { try table(text) }
    #expect(error?.description == sentence)
  }

  @Test func missingColumnsAreNamed() throws {
    let reader = try CSVReader(Array("a,b".utf8), file: "t.csv")
    #expect(try reader.column(named: "b") == 1)
    let error = #expect(throws: CSVError.self) { try reader.column(named: "c") }
    #expect(error?.description == "t.csv: there is no column 'c'; the header names a, b")
  }

  private func number(_ text: String) throws(CSVError) -> Double {
    var reader = try CSVReader(Array("x,y\n\"\n\",\(text)".utf8), file: "t.csv")
    #expect(try reader.advance())
    return try reader.number(at: 1)
  }

  @Test(
    arguments: [
      ("1", 1), ("-0.5", -0.5), ("+2", 2), (".5", 0.5), ("5.", 5), ("1e3", 1000),
      ("-1.5E-2", -0.015),
      ("0.1", 0.1), ("123456789012345678901234567890", 1.2345678901234568e29),
      ("4.9e-324", .leastNonzeroMagnitude), ("\"7\"", 7),
    ] as [(String, Double)])
  func readsNumbers(text: String, expected: Double) throws {
    #expect(try number(text) == expected)
  }

  @Test(arguments: [
    "", "abc", "nan", "NaN", "inf", "-infinity", "1e999", "0x10", "1_5", " 1", "1 ", "1e", "--1",
    "1.2.3", "null", "NA", "e", "1\0", "1\u{0}2",
  ])
  func refusesWhatIsNoNumber(text: String) {
    let error = #expect(throws: CSVError.self) { try number(text) }
    // The field before spans a line break.
    // A control character is shown as one that a terminal can print.
    let shown = text.replacing("\0", with: "\u{FFFD}")
    #expect(error?.description == "t.csv: line 3, column 2 'y': '\(shown)' is not a number")
    #expect(error?.line == 3 && error?.column == 2 && error?.name == "y")
  }

  /// Quadratic run time would take minutes here.
  @Test func longTablesAreRead() throws {
    let rows = 20_000
    let text =
      "a,b\n" + String(repeating: "\"\"\"\n\"\"\",\n", count: rows)
      + String(repeating: "\n", count: 100_000)
    #expect(try table(text).count == rows + 1)
    let long = String(repeating: "\"\"\n", count: 50_000)
    #expect(try table("a\n\"\(long)\"")[1][0].utf8.count == 100_000)
  }
}
