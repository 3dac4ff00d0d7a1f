import LMN

/// Reader of CSV tables, and those of texts with labels and of series on top of it.
struct TableTarget: FuzzTarget {
  static let name = "table"

  func seeds() -> [[UInt8]] {
    [
      "text,label\nfine,good\r\n\"so \"\"so\"\", I say\n\",bad\n\n",
      "\u{FEFF}label,text\nJa,größer 🙂\n", "a,b\n1,-2.5e-3\n+.5,0\n", "a\n\"\"\n1\n",
    ].map { Array($0.utf8) } + [Array("label,text\n".utf8) + [0xE9, 0x2C, 0x61]]
  }

  func check(_ input: [UInt8]) {
    guard let rows = try? rows(of: input) else { return }
    do {
      let again = try self.rows(of: written(rows))
      expect(again == rows, "written and read again, it differs")
    } catch { fatalError("what was written is refused: \(error)") }
    checkLabels(input, rows)
    checkNumbers(input, rows)
  }

  /// A table with quotes around every field.
  private func written(_ rows: [[[UInt8]]]) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    let lines = rows.map { row in
      row.map { field in [quote] + field.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote] }
        .joined(separator: ",".utf8)
    }
    return Array(lines.joined(separator: "\n".utf8))
  }

  /// Fields of the header and of all rows.
  private func rows(of bytes: [UInt8]) throws(CSVError) -> [[[UInt8]]] {
    var reader = try CSVReader(bytes, file: "table")
    var rows = [reader.columns.map { Array($0.utf8) }]
    while try reader.advance() { rows.append(reader.columns.indices.map(reader.text)) }
    return rows
  }

  /// Texts and labels are those of the fields, byte by byte.
  private func checkLabels(_ input: [UInt8], _ rows: [[[UInt8]]]) {
    guard
      let texts = try? LabelledTexts(
        csv: input, file: "table", textColumn: "text", labelColumn: "label")
    else { return }
    let columns = rows[0].map { String(decoding: $0, as: UTF8.self) }
    let text = columns.firstIndex(of: "text")!, label = columns.firstIndex(of: "label")!
    expect(texts.texts == rows.dropFirst().map { $0[text] }, "the texts differ")
    expect(
      texts.labels?.map { Array($0.utf8) } == rows.dropFirst().map { $0[label] },
      "the labels differ")
    guard let vocabulary = try? texts.vocabulary() else { return }
    let tokens = try? texts.tokens(by: .characters(vocabulary))
    expect(tokens?.count == texts.texts.count, "its own vocabulary does not suffice")
  }

  /// Fields of a series are decimal numbers, and the same when written again.
  private func checkNumbers(_ input: [UInt8], _ rows: [[[UInt8]]]) {
    // With a time column, not all fields are numbers.
    guard let series = try? Series(csv: input, file: "table"), series.times == nil else { return }
    for field in rows.dropFirst().joined() {
      let text = String(decoding: field, as: UTF8.self)
      expect(text.wholeMatch(of: Self.number) != nil, "\(text.debugDescription) is no number")
    }
    let width = series.channels.count
    let numbers = stride(from: 0, to: series.values.count, by: width).map { start in
      series.values[start..<start + width].map { Array($0.description.utf8) }
    }
    let again = try? Series(csv: written([rows[0]] + numbers), file: "table")
    expect(again == series, "written and read again, it differs")
  }

  // `Regex` is not Sendable, but nothing changes this one.
  private nonisolated(unsafe) static let number =
    /[+\-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+\-]?[0-9]+)?/
}
