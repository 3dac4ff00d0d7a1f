#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Double {
  /// The number for readers: with `decimals` decimals and thousands separated, or as a power of ten
  /// where that would be long.
  func label(decimals: Int) -> String {
    if self != 0, abs(self) >= 1e7 || abs(self) < 0.999e-4 {
      let exponent = Int((log10(abs(self)) + 1e-9).rounded(.down))
      let factor = self / pow(10, Double(exponent))
      let power = "10" + String(exponent.description.map { Self.superscripts[$0] ?? $0 })
      return abs(factor - 1) < 1e-6 ? power : "\(factor.decimals(1).trimmed) · \(power)"
    }
    return self.decimals(decimals)
  }

  /// The number with three significant digits.
  public var short: String {
    guard isFinite else { return "–" }
    let digits = self == 0 ? 0 : 2 - Int(log10(abs(self)).rounded(.down))
    return label(decimals: Swift.min(Swift.max(digits, 0), 6))
  }

  /// The number with `count` decimals and thousands separated by commas.
  public func decimals(_ count: Int) -> String {
    let scaled = (abs(self) * pow(10, Double(count))).rounded()
    guard scaled < 1e18 else { return "\(self)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: Swift.max(0, count + 1 - digits.count)) + digits
    var whole = String(padded.dropLast(count))
    for place in stride(from: whole.count - 3, to: 0, by: -3) {
      whole.insert(",", at: whole.index(whole.startIndex, offsetBy: place))
    }
    let sign = self < 0 && scaled > 0 ? "−" : ""
    return sign + whole + (count > 0 ? "." + padded.suffix(count) : "")
  }

  private static let superscripts: [Character: Character] = [
    "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷",
    "8": "⁸", "9": "⁹",
  ]
}

extension String {
  /// A decimal number without zeros at its end.
  fileprivate var trimmed: String { hasSuffix(".0") ? String(dropLast(2)) : self }

  /// The text padded on the left to a width.
  func right(_ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }

  /// The text padded on the right to a width.
  func left(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }

  /// The text, with an ellipsis where it is longer than `width`.
  func shortened(to width: Int) -> String {
    count <= width ? self : String(prefix(Swift.max(0, width - 1))) + "…"
  }
}
