internal import CLMN

extension Tensor {
  /// Every value times its logistic sigmoid: `x / (1 + exp(−x))` (arXiv 1606.08415).
  public func silu() -> Tensor {
    let activated = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_silu_forward, lmn_silu(count: count, x: base, activated: activated.output),
      on: self, activated)
    return activated
  }

  /// What the cotangent of ``silu()`` gives to its input.
  public func siluPullback(_ cotangent: Tensor) -> Tensor {
    precondition(cotangent.shape == shape, "siluPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_silu_backward,
      lmn_silu_grad(count: count, x: base, d_activated: cotangent.base, d_x: d_x.output),
      on: self, cotangent, d_x)
    return d_x
  }
}
