#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Reproducible random numbers: xoshiro256**, seeded through splitmix64; the same on every machine.
///
/// The four words of state are the whole state: a saved and restored generator continues with the
/// next number. It is coded as ``rawValue``, a string, because most readers of JSON round integers
/// above 2⁵³.
///
/// Its own sampling functions replace the standard library's, whose results may change between
/// versions. Each draws a fixed number of words, except ``integer(below:)``.
public struct SeededGenerator: RandomNumberGenerator, RawRepresentable, Codable, Equatable, Sendable
{
  private var s0, s1, s2, s3: UInt64

  /// A generator that depends only on `seed`.
  public init(seed: UInt64) {
    var words = SplitMix64(state: seed)
    (s0, s1, s2, s3) = (words.next(), words.next(), words.next(), words.next())
  }

  /// The state as 64 lower-case hexadecimal digits.
  public var rawValue: String {
    [s0, s1, s2, s3].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// The generator with the state ``rawValue``.
  ///
  /// - Returns: `nil` unless the value is 64 lower-case hexadecimal digits that are not all zero (a
  ///   state that xoshiro never reaches).
  public init?(rawValue: String) {
    let digits = Array(rawValue)
    guard digits.count == 64 else { return nil }
    let words = stride(from: 0, to: 64, by: 16).compactMap { start in
      UInt64(String(digits[start..<start + 16]), radix: 16)
    }
    guard words.count == 4, words != [0, 0, 0, 0] else { return nil }
    (s0, s1, s2, s3) = (words[0], words[1], words[2], words[3])
    // `UInt64` also accepts capitals and signs.
    guard self.rawValue == rawValue else { return nil }
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let result = (s1 &* 5).rotatedLeft(by: 7) &* 9
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = s3.rotatedLeft(by: 45)
    return result
  }

  /// A uniformly distributed number in `range`.
  ///
  /// - Precondition: `range` is finite and not empty.
  public mutating func uniform(in range: Range<Float>) -> Float {
    precondition(
      !range.isEmpty && range.lowerBound.isFinite && range.upperBound.isFinite,
      "cannot draw from \(range)")
    let lower = Double(range.lowerBound)
    let value = Float(lower + (Double(range.upperBound) - lower) * unit())
    // Rounding to `Float` may reach the upper bound.
    return min(value, range.upperBound.nextDown)
  }

  /// A number in `range` whose logarithm is uniformly distributed.
  ///
  /// - Precondition: `range` is positive, finite and not empty.
  public mutating func logUniform(in range: Range<Float>) -> Float {
    let value = exp(uniform(in: log(range.lowerBound)..<log(range.upperBound)))
    return min(max(value, range.lowerBound), range.upperBound.nextDown)
  }

  /// A normally distributed number with mean 0 and variance 1, by the Box-Muller transform.
  ///
  /// The second number of each pair is discarded: keeping it would need a fifth word of state.
  public mutating func normal() -> Float {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return Float(radius * cos(2 * .pi * unit()))
  }

  /// A uniformly distributed integer in `0..<bound`, without bias (Lemire's method).
  ///
  /// - Precondition: `bound` is positive.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "cannot draw an integer below \(bound)")
    let bound = UInt64(bound)
    let biased = (0 &- bound) % bound
    var product = bound.multipliedFullWidth(by: next())
    while product.low < biased {
      product = bound.multipliedFullWidth(by: next())
    }
    return Int(product.high)
  }

  /// A uniformly distributed number in [0, 1), a multiple of 2⁻⁵³.
  private mutating func unit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }
}

/// Splitmix64: expands a one-word seed into the state of another generator.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}

extension UInt64 {
  fileprivate func rotatedLeft(by count: UInt64) -> UInt64 {
    self << count | self >> (64 - count)
  }
}
