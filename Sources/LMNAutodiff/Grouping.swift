public import LMNKernels

extension Variable {
  /// Copies of the rows at the places of their choices: `[N, E]` for `self` of `[L, E]`.
  public func dispatched(by grouping: Grouping) -> Variable {
    Variable(value.dispatched(by: grouping), edge { dy in dy.combined(by: grouping) })
  }

  /// Sum of the rows at the places of each token's choices.
  ///
  /// - Parameters:
  ///   - grouping: Grouping of L tokens.
  ///   - weights: `[L, k]`, factors of the router's choices.
  /// - Returns: `[L, E]` for `self` of `[N, E]`.
  public func combined(by grouping: Grouping, weights: Variable) -> Variable {
    let (x, w) = (value, weights.value)
    return Variable(
      x.combined(by: grouping, weights: w),
      edge { dy in dy.dispatched(by: grouping, weights: w) },
      weights.edge { dy in x.combinedPullback(ofWeights: dy, by: grouping) })
  }

  /// Affine map of the rows of each segment by the segment's matrix.
  ///
  /// - Parameters:
  ///   - weight: `[G, N, K]`, a row per output.
  ///   - bias: `[G, N]`, or nil for none.
  ///   - segments: G segments.
  /// - Returns: `[M, N]` for `self` of `[M, K]`.
  public func groupedLinear(
    weight: Variable, bias: Variable? = nil, of segments: Segments
  ) -> Variable {
    let (x, w) = (value, weight.value)
    return Variable(
      x.groupedMatmul(w.transposed, bias: bias?.value, of: segments),
      edge { dy in dy.groupedMatmul(w, of: segments) },
      weight.edge { dy in dy.groupedMatmulPullback(ofRight: x, of: segments) },
      bias?.edge { dy in dy.summedRows(of: segments) })
  }
}
