internal import CLMN

extension Tensor {
  /// Maximum of every column, over the rows whose weight is not 0.
  ///
  /// - Parameter weights: `[M]`, at least one of them not 0.
  /// - Returns: `maximum` `[1, E]`, and `rows`, the first row with each maximum, for `self` of `[M,
  ///   E]`.
  public func rowMaximum(weights: Tensor) -> (maximum: Tensor, rows: Buffer<Int32>) {
    precondition(
      shape.count == 2 && weights.count == shape[0],
      "rowMaximum: \(weights.shape) weights of rows \(shape)")
    let maximum = Tensor(uninitialized: [1, shape[1]])
    let rows = Buffer<Int32>(repeatElement(0, count: shape[1]))
    ExecutionContext.current.run(
      lmn_row_maximum_forward,
      lmn_row_maximum(
        rows: shape[0], columns: shape[1], matrix: base, weights: weights.base,
        maximum: maximum.output, row: rows.base),
      on: self, weights, maximum, rows)
    return (maximum, rows)
  }

  /// Pullback of ``rowMaximum(weights:)``: the cotangent of the matrix given that of the maxima.
  ///
  /// - Parameters:
  ///   - rows: As returned by the forward operation.
  ///   - count: M.
  /// - Returns: `[M, E]`; `self` is the cotangent, `[1, E]`.
  public func rowMaximumPullback(rows: Buffer<Int32>, count: Int) -> Tensor {
    precondition(
      shape == [1, rows.count], "rowMaximumPullback: cotangent \(shape) of \(rows.count) columns")
    let d_matrix = Tensor(uninitialized: [count, rows.count])
    ExecutionContext.current.run(
      lmn_row_maximum_backward,
      lmn_row_maximum_grad(
        rows: count, columns: rows.count, row: rows.base, d_maximum: base,
        d_matrix: d_matrix.output),
      on: self, rows, d_matrix)
    return d_matrix
  }
}
