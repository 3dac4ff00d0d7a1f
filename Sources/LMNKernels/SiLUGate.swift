internal import CLMN

extension Tensor {
  /// Product of every value with the SiLU of a gate: `x · silu(gate)`.
  ///
  /// - Parameter gate: Tensor of the shape of `self`.
  /// - Returns: Tensor of the same shape.
  public func gated(bySiLUOf gate: Tensor) -> Tensor {
    precondition(gate.shape == shape, "gated: gate \(gate.shape) of \(shape)")
    let gated = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_silu_gate_forward,
      lmn_silu_gate(count: count, x: base, gate: gate.base, gated: gated.output),
      on: self, gate, gated)
    return gated
  }

  /// Pullback of ``gated(bySiLUOf:)``: cotangents of `self` and gate.
  public func gatedPullback(
    _ cotangent: Tensor, bySiLUOf gate: Tensor
  ) -> (x: Tensor, gate: Tensor) {
    precondition(
      gate.shape == shape && cotangent.shape == shape,
      "gatedPullback: cotangent \(cotangent.shape), gate \(gate.shape) of \(shape)")
    let (d_x, d_gate) = (Tensor(uninitialized: shape), Tensor(uninitialized: shape))
    ExecutionContext.current.run(
      lmn_silu_gate_backward,
      lmn_silu_gate_grad(
        count: count, x: base, gate: gate.base, d_gated: cotangent.base, d_x: d_x.output,
        d_gate: d_gate.output),
      on: self, gate, cotangent, d_x, d_gate)
    return (d_x, d_gate)
  }
}
