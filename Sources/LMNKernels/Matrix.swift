internal import CLMN

extension Tensor {
  /// The sum with a tensor of the same shape.
  public func adding(_ other: Tensor) -> Tensor {
    precondition(shape == other.shape, "adding: shapes \(shape) and \(other.shape) differ")
    return Tensor(shape: shape) { sum in
      withExtendedLifetime((self, other)) {
        var arguments = lmn_add(count: count, left: base, right: other.base, sum: sum)
        lmn_add_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
  }

  /// The matrix product, plus a bias for every row.
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
    return Tensor(shape: [shape[0], columns]) { product in
      withExtendedLifetime((self, right, bias)) {
        var arguments = lmn_matmul(
          rows: shape[0], inner: shape[1], columns: columns, left: base, right: right.base,
          bias: bias?.base, product: product)
        lmn_matmul_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
  }

  /// What a matrix product's cotangent gives to its right factor: `selfᵀ · cotangent`.
  ///
  /// - Parameter cotangent: `[M, N]`.
  /// - Returns: `[K, N]` for `self` of `[M, K]`.
  public func matmulPullback(ofRight cotangent: Tensor) -> Tensor {
    precondition(
      shape.count == 2 && cotangent.shape.count == 2 && shape[0] == cotangent.shape[0],
      "matmulPullback: shapes \(shape) and \(cotangent.shape) do not match")
    return Tensor(shape: [shape[1], cotangent.shape[1]]) { right in
      withExtendedLifetime((self, cotangent)) {
        var arguments = lmn_matmul_grad(
          rows: shape[0], inner: shape[1], columns: cotangent.shape[1], left: base,
          d_product: cotangent.base, d_right: right)
        lmn_matmul_backward_right(ExecutionContext.current.kernels, &arguments)
      }
    }
  }

  /// Every matrix (the last two dimensions) transposed.
  ///
  /// The result is kept with the tensor, so a weight is transposed once per value.
  public var transposed: Tensor {
    let rank = shape.count
    precondition(rank >= 2, "transposed: shape \(shape) has no matrices")
    return cachingTransposed {
      let (rows, columns) = (shape[rank - 2], shape[rank - 1])
      return Tensor(shape: shape.dropLast(2) + [columns, rows]) { transposed in
        withExtendedLifetime(self) {
          var arguments = lmn_transpose(
            matrices: shape.dropLast(2).reduce(1, *), rows: rows, columns: columns, matrix: base,
            transposed: transposed)
          lmn_transpose_forward(ExecutionContext.current.kernels, &arguments)
        }
      }
    }
  }

  /// The sum of all rows: `[N]` for `self` of `[M, N]`.
  public func summedRows() -> Tensor {
    precondition(shape.count == 2, "summedRows: shape \(shape) is no matrix")
    return Tensor(shape: [shape[1]]) { sum in
      withExtendedLifetime(self) {
        var arguments = lmn_row_sum(rows: shape[0], columns: shape[1], matrix: base, sum: sum)
        lmn_row_sum_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
  }
}
