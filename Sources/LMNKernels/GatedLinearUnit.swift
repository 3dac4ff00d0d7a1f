internal import CLMN

extension Tensor {
  /// Gated linear unit of every row (arXiv 1612.08083): `a · sigmoid(b)`, a and b being its halves.
  ///
  /// - Returns: `[M, E]` for `self` of `[M, 2E]`.
  public func gatedLinearUnit() -> Tensor {
    precondition(
      shape.count == 2 && shape[1].isMultiple(of: 2),
      "gatedLinearUnit: shape \(shape) has no halves")
    let gated = Tensor(uninitialized: [shape[0], shape[1] / 2])
    ExecutionContext.current.run(
      lmn_gated_linear_unit_forward,
      lmn_gated_linear_unit(rows: shape[0], width: shape[1] / 2, x: base, gated: gated.output),
      on: self, gated)
    return gated
  }

  /// Pullback of ``gatedLinearUnit()``: the cotangent of `self` given that of the result.
  ///
  /// - Parameter cotangent: `[M, E]`.
  /// - Returns: `[M, 2E]`.
  public func gatedLinearUnitPullback(_ cotangent: Tensor) -> Tensor {
    precondition(
      cotangent.shape == [shape[0], shape[1] / 2],
      "gatedLinearUnitPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_gated_linear_unit_backward,
      lmn_gated_linear_unit_grad(
        rows: shape[0], width: shape[1] / 2, x: base, d_gated: cotangent.base, d_x: d_x.output),
      on: self, cotangent, d_x)
    return d_x
  }
}
