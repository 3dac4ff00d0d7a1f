internal import CLMN

extension Tensor {
  /// The given rows, one after the other.
  ///
  /// - Precondition: `self` is a matrix that has them.
  public func rows(at indices: [Int]) -> Tensor {
    precondition(indices.allSatisfy((0..<shape[0]).contains), "rows: \(indices) of shape \(shape)")
    let gathered = Tensor(uninitialized: [indices.count, shape[1]])
    copyRows(indices, into: gathered)
    return gathered
  }

  /// The same values in memory of their own.
  package func copied() -> Tensor {
    let copy = Tensor(uninitialized: shape)
    copyRows(into: copy)
    return copy
  }

  /// Copies rows (all, unless some are named) into rows of `target` (the first ones, unless they are
  /// named), which nobody else has seen yet.
  func copyRows(_ indices: [Int]? = nil, into target: Tensor, at targetIndices: [Int]? = nil) {
    let (source, destination) = (indices.map(RowIndices.init), targetIndices.map(RowIndices.init))
    let rows = indices?.count ?? targetIndices?.count ?? shape[0]
    ExecutionContext.current.run(
      lmn_row_copy_forward,
      lmn_row_copy(
        rows: rows, width: shape.dropFirst().reduce(1, *), source: base,
        source_rows: source?.base, target: target.output, target_rows: destination?.base),
      on: self, target, source, destination)
  }
}

private typealias RowIndices = Buffer<Int64>

extension RowIndices {
  fileprivate convenience init(_ indices: [Int]) { self.init(indices.lazy.map(Int64.init)) }
}
