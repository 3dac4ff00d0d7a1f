public import LMNKernels

extension Variable {
  /// Rotates the first `heads` heads of every row by the angles of its position; copies further
  /// features.
  ///
  /// - Parameters:
  ///   - rotary: The rotations.
  ///   - heads: Number of rotated heads.
  ///   - positions: `[M]`, none negative; read at every run of a recording.
  /// - Returns: `[M, N]` for `self` of that shape.
  public func rotated(by rotary: Rotary, heads: Int, at positions: PositionBuffer) -> Variable {
    Variable(
      value.rotated(by: rotary, heads: heads, at: positions),
      edge { dy in dy.rotated(by: rotary, heads: heads, at: positions, isInverse: true) })
  }
}
