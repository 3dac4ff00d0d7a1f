import LMN
import Testing

@testable import LMNTraining

/// Series and labelled texts from tables.
@Suite struct TableTests {
  // MARK: - Series

  private func series(_ text: String, channels: [String]? = nil) throws -> Series {
    try Series(csv: Array(text.utf8), file: "s.csv", channels: channels)
  }

  @Test func allColumnsAreChannels() throws {
    let series = try series("a,b\n1,2\n-3,4.5\n5e2,0\n")
    #expect(series.channels == ["a", "b"] && series.count == 3)
    #expect(series.values == [1, 2, -3, 4.5, 500, 0])
  }

  @Test func channelsAreChosenInOrder() throws {
    let series = try series("date,a,b\nx,1,2\ny,3,4\n", channels: ["b", "a"])
    #expect(series.channels == ["b", "a"] && series.values == [2, 1, 4, 3])
  }

  @Test(arguments: [
    ("date,HUFL\n2020-0,1\n", "s.csv: line 2, column 1 'date': '2020-0' is not a number"),
    ("a,HUFL\n1,2\n3,abc\n", "s.csv: line 3, column 2 'HUFL': 'abc' is not a number"),
    (
      "a,HUFL\n1,\n",
      "s.csv: line 2, column 2 'HUFL': the value is missing; --missing interpolate or forward fills it"
    ),
    (
      "a\nnan\n",
      "s.csv: line 2, column 1 'a': the value is missing; --missing interpolate or forward fills it"
    ),
    ("a\ninf\n", "s.csv: line 2, column 1 'a': 'inf' is not a number"),
    ("a\n1\n1e999\n", "s.csv: line 3, column 1 'a': '1e999' is not a number"),
    ("a,b\n1,2\n3\n", "s.csv: line 3: there are 1 fields, the header has 2"),
    ("a,b\n", "s.csv: there are no rows"),
    ("", "s.csv: the header line with the column names is missing"),
  ])
  func seriesNameThePlace(text: String, sentence: String) {
    let error = #expect(throws: CSVError.self) { try series(text) }
    #expect(error?.description == sentence)
  }

  @Test func missingChannelsAreNamed() {
    let error = #expect(throws: CSVError.self) { try series("a\n1\n", channels: ["a", "c"]) }
    #expect(error?.description == "s.csv: there is no column 'c'; the header names a")
  }

  // MARK: - Texts

  @Test func selectedRowsKeepTheirLines() throws {
    let texts = try texts("text,label\na,x\nb,y\nc,z\n").selecting([2, 0])
    #expect(texts.texts == [Array("c".utf8), Array("a".utf8)] && texts.labels == ["z", "x"])
    #expect(try texts.classes(among: ["x", "z"]) == [1, 0])
    let error = #expect(throws: CSVError.self) { try texts.classes(among: ["z"]) }
    #expect(error?.line == 2)
  }

  private func texts(_ text: String) throws -> LabelledTexts {
    try LabelledTexts(csv: Array(text.utf8), file: "t.csv", settings: ClassificationSettings())
  }

  @Test func textsAndLabelsAreRead() throws {
    let texts = try texts("id,label,text\n1,no,\"a, \"\"b\"\"\nc\"\n2,yes,d\n")
    #expect(texts.texts.map { String(decoding: $0, as: UTF8.self) } == ["a, \"b\"\nc", "d"])
    #expect(texts.labels == ["no", "yes"])
    let vocabulary = try texts.vocabulary()
    #expect(String(String.UnicodeScalarView(vocabulary.characters)) == "\n \",abcd")
    #expect(try texts.tokens(by: .bytes).map(\.count) == [8, 1])
    #expect(try texts.tokens(by: .characters(vocabulary))[1] == [7])
    #expect(try texts.lengths(by: .bytes) == [8, 1])
    #expect(try texts.classes(among: ["yes", "no"]) == [1, 0])
  }

  @Test func otherColumnsCanBeAskedFor() throws {
    let bytes = Array("a,b,label\nx,y,z\n".utf8)
    let texts = try LabelledTexts(csv: bytes, file: "t.csv", textColumn: "b", labelColumn: "a")
    #expect(texts.texts == [[UInt8(ascii: "y")]] && texts.labels == ["x"])
    let alone = try LabelledTexts(csv: bytes, file: "t.csv", textColumn: "b", labelColumn: nil)
    #expect(alone.texts == texts.texts && alone.labels == nil)
  }

  @Test(arguments: [
    ("text,label\na,\n", "t.csv: line 2, column 2 'label': the field is empty"),
    ("label,text\na,b\na,\n", "t.csv: line 3, column 2 'text': the field is empty"),
    ("text,class\na,b\n", "t.csv: there is no column 'label'; the header names text, class"),
    ("label\na\n", "t.csv: there is no column 'text'; the header names label"),
    ("text,label\n", "t.csv: there are no rows"),
  ])
  func textsNameThePlace(text: String, sentence: String) {
    let error = #expect(throws: CSVError.self) { try texts(text) }
    #expect(error?.description == sentence)
  }

  @Test func textsThatCannotBeEncodedAreNamed() throws {
    let known = try Tokenizer.characters(of: "ab\n")
    let strange = try texts("text,label\n\"a\nb\",x\n\"a\nbZ\",y\n")
    let error = #expect(throws: CSVError.self) { try strange.tokens(by: known) }
    #expect(
      error?.description
        == "t.csv: line 4, column 1 'text': the character 'Z' (U+005A) at offset 3 (line 2, "
        + "column 2) is not in the vocabulary")
  }

  /// As text with U+FFFD, the two labels would be one.
  @Test func tablesThatAreNotUTF8AreNamed() throws {
    let latin1: [UInt8] = [0x63, 0xE0, 0x2C, 0x61, 0x0A, 0x63, 0xE8, 0x2C, 0x62]
    for (mark, offset) in [([], 12), ([0xEF, 0xBB, 0xBF], 15)] as [([UInt8], Int)] {
      let error = #expect(throws: CSVError.self) {
        try LabelledTexts(
          csv: mark + Array("label,text\n".utf8) + latin1, file: "t.csv",
          settings: ClassificationSettings())
      }
      #expect(
        error?.description
          == "t.csv: line 2: byte 0xE0 at offset \(offset) of the file is not UTF-8; --encoding latin1 "
          + "reads tables in Latin-1")
    }
    var format = TableFormat()
    format.encoding = .latin1
    let texts = try LabelledTexts(
      csv: Array("label,text\n".utf8) + latin1, file: "t.csv", settings: ClassificationSettings(),
      format: format)
    #expect(texts.labels == ["cà", "cè"])
  }

  @Test func unknownLabelsAreNamed() throws {
    let texts = try texts("text,label\na,x\nb,z\n")
    let error = #expect(throws: CSVError.self) { try texts.classes(among: ["x", "y"]) }
    #expect(
      error?.description
        == "t.csv: line 3, column 2 'label': 'z' is not a label of the model: x, y")
  }

  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("a\nb", "\"a\nb\""),
    ("a\r\nb", "\"a\r\nb\""), ("say \"a\"", "\"say \"\"a\"\"\""),
  ])
  func fieldsAreQuotedWhereTheyHaveToBe(text: String, field: String) throws {
    #expect(csvField(text) == field)
    var reader = try CSVReader(Array("x,y\n\(field),1".utf8), file: "f")
    #expect(try reader.advance())
    #expect(String(decoding: reader.text(at: 0), as: UTF8.self) == text)
  }
}
