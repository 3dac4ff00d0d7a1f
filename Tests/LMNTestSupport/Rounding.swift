/// What rounding to float32 can do to a result.
public enum Rounding {
  /// The largest relative error of one rounding: half a unit in the last place of 1.
  public static let unit = 0x1p-24

  /// The largest relative error after `count` roundings: (1 + unit)ⁿ − 1.
  ///
  /// A result made from inputs by sums and products differs from the exact one by at most this times
  /// its *magnitude*, the same sums and products of absolute values, where `count` is the length of
  /// the longest chain of roundings from an input to the result (N. Higham, Accuracy and Stability
  /// of Numerical Algorithms, chapter 3).
  public static func error(_ count: Int) -> Double {
    Double(count) * unit / (1 - Double(count) * unit)
  }

  /// How many roundings a sum of `terms` products goes through when it is cut over at least four
  /// lanes, which are then added up by halves (at most sixteen of them).
  public static func ofDot(_ terms: Int) -> Int { (terms + 3) / 4 + 4 }
}
