internal import LMNKernels

extension Variable {
  /// Matrix product: `[M, N]` for `self` of `[M, K]` and `right` of `[K, N]`.
  public func matmul(_ right: Variable) -> Variable {
    let (x, w) = (value, right.value)
    return Variable(
      x.matmul(w),
      edge { dy in dy.matmul(w.transposed) },
      right.edge { dy in x.matmulPullback(ofRight: dy) })
  }

  /// Affine map of every row: `x · weightᵀ + bias`.
  ///
  /// - Parameters:
  ///   - weight: `[N, K]`, a row per output.
  ///   - bias: `[N]`; nil for none.
  /// - Returns: `[M, N]` for `self` of `[M, K]`.
  public func linear(weight: Variable, bias: Variable?) -> Variable {
    let (x, w) = (value, weight.value)
    return Variable(
      x.matmul(w.transposed, bias: bias?.value),
      edge { dy in dy.matmul(w) },
      weight.edge { dy in dy.matmulPullback(ofRight: x) },
      bias?.edge { dy in dy.summedRows() })
  }
}
