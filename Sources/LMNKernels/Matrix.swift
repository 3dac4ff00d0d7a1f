internal import CLMN

extension Tensor {
  /// Matrix product, plus a bias for every row.
  ///
  /// - Parameters:
  ///   - right: `[K, N]`.
  ///   - bias: `[N]`, or nil for none.
  /// - Returns: `[M, N]` for `self` of `[M, K]`.
  public func matmul(_ right: Tensor, bias: Tensor? = nil) -> Tensor {
    precondition(
      shape.count == 2 && right.shape.count == 2 && shape[1] == right.shape[0],
      "matmul: shapes \(shape) and \(right.shape) do not match")
    let columns = right.shape[1]
    precondition(
      bias == nil || bias!.shape == [columns],
      "matmul: bias \(bias?.shape ?? []) does not match \(columns) columns")
    let product = Tensor(uninitialized: [shape[0], columns])
    ExecutionContext.current.run(
      lmn_matmul_forward,
      lmn_matmul(
        rows: shape[0], inner: shape[1], columns: columns, left: base, right: right.base,
        bias: bias?.base, product: product.output),
      on: self, right, bias, product)
    return product
  }

  /// Pullback of ``matmul(_:bias:)``: the cotangent of the right factor, `selfᵀ · cotangent`.
  ///
  /// - Parameter cotangent: `[M, N]`.
  /// - Returns: `[K, N]` for `self` of `[M, K]`.
  public func matmulPullback(ofRight cotangent: Tensor) -> Tensor {
    precondition(
      shape.count == 2 && cotangent.shape.count == 2 && shape[0] == cotangent.shape[0],
      "matmulPullback: shapes \(shape) and \(cotangent.shape) do not match")
    let right = Tensor(uninitialized: [shape[1], cotangent.shape[1]])
    ExecutionContext.current.run(
      lmn_matmul_backward_right,
      lmn_matmul_grad(
        rows: shape[0], inner: shape[1], columns: cotangent.shape[1], left: base,
        d_product: cotangent.base, d_right: right.output),
      on: self, cotangent, right)
    return right
  }

  /// Every matrix (the last two dimensions) transposed.
  ///
  /// The result is cached with the tensor, so that a weight is transposed once per update.
  public var transposed: Tensor {
    let rank = shape.count
    precondition(rank >= 2, "transposed: shape \(shape) has no matrices")
    return cachingTransposed {
      let (rows, columns) = (shape[rank - 2], shape[rank - 1])
      let transposed = Tensor(uninitialized: shape.dropLast(2) + [columns, rows])
      ExecutionContext.current.run(
        lmn_transpose_forward,
        lmn_transpose(
          matrices: shape.dropLast(2).reduce(1, *), rows: rows, columns: columns, matrix: base,
          transposed: transposed.output),
        on: self, transposed)
      return transposed
    }
  }

  /// Sum of all rows: `[N]` for `self` of `[M, N]`.
  public func summedRows() -> Tensor {
    precondition(shape.count == 2, "summedRows: shape \(shape) is no matrix")
    let sum = Tensor(uninitialized: [shape[1]])
    ExecutionContext.current.run(
      lmn_row_sum_forward,
      lmn_row_sum(rows: shape[0], columns: shape[1], matrix: base, sum: sum.output), on: self, sum)
    return sum
  }
}
