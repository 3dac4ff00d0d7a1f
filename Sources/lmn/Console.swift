import Foundation

/// Where the command's words go.
enum Console {
  /// A piece of the result, at once.
  static func write(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno != EINTR {
        throw UnusableInput("cannot write to standard output: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(max(count, 0))
    }
  }

  /// What went wrong, on one line of bounded length, whatever the names in it are made of.
  static func complain(_ sentence: String) {
    let printable = sentence.unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control ? " " : scalar
    }
    let text = String(String.UnicodeScalarView(printable.prefix(1000)))
    note("Error: \(text)\(printable.count > 1000 ? "…" : "")")
  }

  /// A line that is not the result.
  static func note(_ line: String) { show(line + "\n") }

  /// Text on standard error as it is; when nobody can read it, nothing is lost that matters.
  static func show(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }

  /// Whether notes are seen by a person at a terminal.
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// A report as JSON, the same fields in the same order every time.
  static func json(_ report: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }
}

extension Double {
  /// With `digits` behind the point.
  func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }

  /// With five digits that count.
  var significant: String { String(format: "%.5g", self) }
}

extension String {
  /// In a column of so many characters: at its left, or of a negative width at its right.
  func padded(to width: Int) -> String {
    let space = String(repeating: " ", count: max(0, abs(width) - count))
    return width < 0 ? space + self : self + space
  }
}
