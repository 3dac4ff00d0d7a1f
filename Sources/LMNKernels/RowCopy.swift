internal import CLMN

extension Tensor {
  /// Copy of the given rows, in order.
  ///
  /// - Precondition: `self` is a matrix, and the indices are in its rows.
  public func rows(at indices: [Int]) -> Tensor {
    precondition(indices.allSatisfy((0..<shape[0]).contains), "rows: \(indices) of shape \(shape)")
    let gathered = Tensor(uninitialized: [indices.count, shape[1]])
    copyRows(indices, into: gathered)
    return gathered
  }

  /// Copy of the rows at `positions`, which are read at every run of a recording.
  ///
  /// - Parameter positions: `[B]`.
  /// - Returns: `[B, E]` for `self` of `[M, E]`.
  /// - Precondition: All are in 0 ..< M, at every run of a recording too.
  public func rows(at positions: PositionBuffer) -> Tensor {
    let (gathered, last) = (Tensor(uninitialized: [positions.count, shape[1]]), shape[0])
    ExecutionContext.current.run(on: positions) { [positions] _ in
      // By index, since iterators allocate in debug builds.
      for index in 0..<positions.count {
        let position = positions.base[index]
        precondition(
          position >= 0 && position < last, "rows: position \(position) is not one of \(last)")
      }
    }
    copyRows(positions, into: gathered, at: nil)
    return gathered
  }

  /// Pullback of `rows(at:)`: the cotangent of all rows, `[rows, E]`; 0 for rows that were not
  /// copied.
  public func rowsPullback(at positions: PositionBuffer, of rows: Int) -> Tensor {
    let scattered = Tensor(zeros: [rows, shape[1]])
    copyRows(nil, into: scattered, at: positions)
    return scattered
  }

  /// Copy that shares no memory with `self`.
  package func copied() -> Tensor {
    let copy = Tensor(uninitialized: shape)
    copyRows(into: copy)
    return copy
  }

  /// Copies the rows `indices` (nil: all) into the rows `targetIndices` (nil: the first ones) of
  /// `target`, which has not been read yet.
  func copyRows(_ indices: [Int]? = nil, into target: Tensor, at targetIndices: [Int]? = nil) {
    copyRows(
      indices.map { PositionBuffer($0.lazy.map(Int64.init)) }, into: target,
      at: targetIndices.map { PositionBuffer($0.lazy.map(Int64.init)) })
  }

  private func copyRows(
    _ source: PositionBuffer?, into target: Tensor, at destination: PositionBuffer?
  ) {
    let rows = source?.count ?? destination?.count ?? shape[0]
    ExecutionContext.current.run(
      lmn_row_copy_forward,
      lmn_row_copy(
        rows: rows, width: shape.dropFirst().reduce(1, *), source: base,
        source_rows: source?.base, target: target.output, target_rows: destination?.base),
      on: self, target, source, destination)
  }
}
