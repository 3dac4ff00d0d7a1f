internal import CLMN

/// Random state of dropout: a seed, the number of a draw and the first of its rows, at a stable
/// address so that their owner may overwrite them between runs of a recording.
public struct DropoutDraw: Sendable {
  let words: Buffer<UInt64>

  /// Creates draw `number` of `seed`, from row 0 on.
  public init(seed: UInt64 = 0, number: UInt64 = 0) { words = [seed, number, 0] }

  /// Replaces seed and number.
  public func overwrite(seed: UInt64, number: UInt64) {
    words.base[0] = seed
    words.base[1] = number
  }

  /// Copies another draw, from its row `first` on.
  public func overwrite(with other: DropoutDraw, from first: Int = 0) {
    words.overwrite(with: other.words)
    words.base[2] += UInt64(first)
  }
}

extension Tensor {
  /// Dropout (arXiv 1207.0580): every value is set to 0 with probability `rate`, otherwise divided
  /// by `1 − rate`.
  ///
  /// The mask depends on draw, site and index alone: that of some rows is a part of that of all. The
  /// pullback is the same operation on the cotangent.
  ///
  /// - Parameters:
  ///   - rate: Probability, 0 ≤ rate < 1.
  ///   - draw: Seed and number, read at every run of a recording.
  ///   - site: Number of the dropout among those of one computation; every site has its own masks.
  /// - Returns: Tensor of the same shape.
  public func dropout(rate: Float, draw: DropoutDraw, site: Int) -> Tensor {
    precondition(rate >= 0 && rate < 1, "dropout: a rate of \(rate)")
    precondition(UInt32(exactly: site) != nil && count < 1 << 34, "dropout: \(shape) at \(site)")
    let kept = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_dropout_forward,
      lmn_dropout(
        count: count, width: shape.dropFirst().reduce(1, *), rate: rate, site: UInt32(site),
        draw: draw.words.base, x: base,
        kept: kept.output),
      on: self, draw.words, kept)
    return kept
  }
}
