#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

extension String {
  /// At the right end of a column.
  func right(_ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }

  /// At the left end of a column.
  func left(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }
}

extension Double {
  /// A share as a percentage, with one digit behind the point, or two digits that say something.
  var percent: String {
    let hundredths = self * 100
    if self > 0 && hundredths < 0.05 { return "\(Float(hundredths))" }
    let tenths = Int((hundredths * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
