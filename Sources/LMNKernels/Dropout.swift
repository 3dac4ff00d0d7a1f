internal import CLMN

/// Which of all masks dropout draws: a seed, and the number of a draw, in memory that stays where it
/// is, so that their owner may overwrite them between two runs of a recording.
public struct DropoutDraw: Sendable {
  let words: Buffer<UInt64>

  /// The draw with this number of all that follow from `seed`.
  public init(seed: UInt64 = 0, number: UInt64 = 0) { words = [seed, number] }

  /// Becomes another draw.
  public func overwrite(seed: UInt64, number: UInt64) {
    words.base[0] = seed
    words.base[1] = number
  }

  /// Becomes the same draw as another.
  public func overwrite(with other: DropoutDraw) { words.overwrite(with: other.words) }
}

extension Tensor {
  /// Every value set to 0 with probability `rate`, and otherwise divided by `1 − rate`
  /// (arXiv 1207.0580).
  ///
  /// Which ones are 0 follows from draw, site and place alone. The pullback of a cotangent is the
  /// same operation on it.
  ///
  /// - Parameters:
  ///   - rate: From 0 to below 1.
  ///   - draw: Which draw, as it is at every run of a recording.
  ///   - site: Which of the places where one computation drops; each has masks of its own.
  /// - Returns: Values of the same shape.
  public func dropout(rate: Float, draw: DropoutDraw, site: Int) -> Tensor {
    precondition(rate >= 0 && rate < 1, "dropout: a rate of \(rate)")
    precondition(UInt32(exactly: site) != nil && count < 1 << 34, "dropout: \(shape) at \(site)")
    let kept = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_dropout_forward,
      lmn_dropout(
        count: count, rate: rate, site: UInt32(site), draw: draw.words.base, x: base,
        kept: kept.output),
      on: self, draw.words, kept)
    return kept
  }
}
