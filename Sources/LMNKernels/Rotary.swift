internal import CLMN

/// Rotary positions (arXiv 2104.09864): features i and i + D/2 of a head, as a point of the plane,
/// are rotated by an angle proportional to the position.
public struct Rotary: Sendable {
  /// D: width of a head, even.
  public let headWidth: Int
  /// `[D / 2]`, in turns per position.
  let frequencies: Buffer<Double>

  /// Rotations of heads of `frequencies.count` pairs.
  public init(frequencies: Buffer<Double>) {
    (headWidth, self.frequencies) = (2 * frequencies.count, frequencies)
  }
}

extension Tensor {
  /// Rotates the first `heads` heads of every row by the angles of its position; copies further
  /// features.
  ///
  /// - Parameters:
  ///   - rotary: The rotations.
  ///   - heads: Number of rotated heads.
  ///   - positions: `[M]`, none negative; read at every run of a recording.
  ///   - isInverse: Whether angles are negative, as in the pullback.
  /// - Returns: `[M, N]` for `self` of that shape.
  public func rotated(
    by rotary: Rotary, heads: Int, at positions: PositionBuffer, isInverse: Bool = false
  ) -> Tensor {
    precondition(
      shape.count == 2 && positions.count == shape[0] && heads * rotary.headWidth <= shape[1]
        && rotary.headWidth <= CausalAttentionShape.mostHeadWidth,
      "rotated: \(shape) at \(positions.count) positions, \(heads) heads of \(rotary.headWidth)")
    let rotated = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_rotary_forward,
      lmn_rotary(
        rows: shape[0], width: shape[1], heads: heads, head_width: rotary.headWidth,
        inverse: isInverse, positions: positions.base, frequencies: rotary.frequencies.base,
        x: base, rotated: rotated.output),
      on: self, positions, rotary.frequencies, rotated)
    return rotated
  }
}
