/// Error bounds of rounding to float32.
public enum Rounding {
  /// Largest relative error of one rounding: half a unit in the last place of 1.
  public static let unit = 0x1p-24

  /// Bound of the relative error after `count` roundings: (1 + unit)ⁿ − 1 ≤ n · unit / (1 − n ·
  /// unit).
  ///
  /// A result made from inputs by sums and products differs from the exact one by at most this times
  /// its *magnitude*, the same sums and products of absolute values, where `count` is the length of
  /// the longest chain of roundings from an input to the result (N. Higham, Accuracy and Stability
  /// of Numerical Algorithms, chapter 3).
  public static func error(_ count: Int) -> Double {
    Double(count) * unit / (1 - Double(count) * unit)
  }

  /// Roundings of a sum of `terms` products in at least four lanes, at most sixteen, which are then
  /// added up by halves.
  public static func ofDot(_ terms: Int) -> Int { (terms + 3) / 4 + 4 }
}
