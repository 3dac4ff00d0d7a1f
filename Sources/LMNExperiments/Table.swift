extension String {
  /// The text, right-aligned in a column.
  func right(_ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }

  /// The text, left-aligned in a column.
  func left(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }
}

extension Double {
  /// The fraction as a percentage, with one decimal or two significant digits.
  var percent: String {
    let hundredths = self * 100
    if self > 0 && hundredths < 0.05 { return "\(Float(hundredths))" }
    let tenths = Int((hundredths * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
