import Foundation
import LMN

/// Output of the command.
enum Console {
  /// Writes a part of the result to standard output, unbuffered; a terminal gets control characters
  /// in visible form.
  static func write(_ text: String) throws {
    var rest = Array((isatty(STDOUT_FILENO) == 1 ? text.withVisibleControls : text).utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno != EINTR {
        throw UnusableInput("cannot write to standard output: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(max(count, 0))
    }
  }

  /// Writes an error to standard error, as one line of bounded length without control characters.
  static func reportError(_ sentence: String) {
    let printable = sentence.unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control ? " " : scalar
    }
    let text = String(String.UnicodeScalarView(printable.prefix(1000)))
    note("Error: \(text)\(printable.count > 1000 ? "…" : "")")
  }

  /// Writes a line to standard error; a terminal gets control characters in visible form.
  static func note(_ line: String) {
    show((isatty(STDERR_FILENO) == 1 ? line.withVisibleControls : line) + "\n")
  }

  /// Writes text to standard error, names of files as their bytes; failures are ignored.
  static func show(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(FileName.bytes(of: text)))
  }

  /// Whether standard error is a terminal that takes escape codes: not with `TERM=dumb` or
  /// `NO_COLOR` (no-color.org).
  static let isTerminal: Bool = {
    let environment = ProcessInfo.processInfo.environment
    let hasNoEscapes = environment["TERM"] == "dumb" || environment["NO_COLOR"]?.isEmpty == false
    return isatty(STDERR_FILENO) == 1 && !hasNoEscapes
  }()

  /// A report as JSON with sorted keys.
  static func json(_ report: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }
}

extension Double {
  /// The number with `digits` decimals.
  func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }

  /// The number with five significant digits.
  var significant: String { String(format: "%.5g", self) }
}

extension String {
  /// The text with control characters as `\x1b`, except line feeds and tabs, and so with bytes of a
  /// file's name that are not UTF-8.
  var withVisibleControls: String {
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control
      let control = isControl && scalar != "\n" && scalar != "\t" ? scalar.value : nil
      if let value = FileName.byte(of: scalar).map(UInt32.init) ?? control {
        text.append(contentsOf: String(format: "\\x%02x", value).unicodeScalars)
      } else {
        text.append(scalar)
      }
    }
    return String(text)
  }

  /// The text padded to a column width: left-aligned, or right-aligned for a negative width.
  func padded(to width: Int) -> String {
    let space = String(repeating: " ", count: max(0, abs(width) - count))
    return width < 0 ? space + self : self + space
  }
}
