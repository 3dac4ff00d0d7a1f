extension Results {
  /// All values as CSV (RFC 4180): a line per value, with the cell's labels, the quantity and its
  /// coordinates.
  var csv: String {
    func names(_ all: [String]) -> [String] {
      var seen: Set<String> = []
      return all.filter { seen.insert($0).inserted }
    }
    let labels = names(entries.flatMap { $0.labels.map(\.name) })
    let coordinates = names(
      entries.flatMap { $0.measurements.flatMap { $0.at.keys.sorted() } }
    ).filter { !labels.contains($0) }
    var lines = [labels + coordinates + ["quantity", "value"]]
    for entry in entries {
      for measurement in entry.measurements {
        // A coordinate and a label of the same name share a column.
        lines.append(
          labels.map { name in
            measurement.at[name].map { "\($0)" } ?? entry.label(name) ?? ""
          }
            + coordinates.map { name in measurement.at[name].map { "\($0)" } ?? "" }
            + [measurement.quantity, "\(measurement.value)"])
      }
    }
    return lines.map { $0.map(Self.field).joined(separator: ",") + "\r\n" }.joined()
  }

  private static func field(_ text: String) -> String {
    let isPlain = !text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
    return isPlain ? text : "\"\(text.replacing("\"", with: "\"\""))\""
  }
}

extension Double {
  /// The number with `count` decimals.
  func decimals(_ count: Int) -> String {
    var power = 1.0
    for _ in 0..<count { power *= 10 }
    let scaled = (abs(self) * power).rounded()
    guard scaled < 1e15 else { return "\(self)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: Swift.max(0, count + 1 - digits.count)) + digits
    let sign = self < 0 && scaled > 0 ? "-" : ""
    return sign + padded.dropLast(count) + (count > 0 ? "." + padded.suffix(count) : "")
  }
}
