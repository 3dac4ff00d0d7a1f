internal import CLMN

extension Tensor {
  /// Every value times its logistic sigmoid: `x / (1 + exp(−x))` (arXiv 1606.08415).
  public func silu() -> Tensor {
    Tensor(shape: shape) { activated in
      withExtendedLifetime(self) {
        var arguments = lmn_silu(count: count, x: base, activated: activated)
        lmn_silu_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
  }

  /// What the cotangent of ``silu()`` gives to its input.
  public func siluPullback(_ cotangent: Tensor) -> Tensor {
    precondition(cotangent.shape == shape, "siluPullback: \(cotangent.shape) of \(shape)")
    return Tensor(shape: shape) { d_x in
      withExtendedLifetime((self, cotangent)) {
        var arguments = lmn_silu_grad(
          count: count, x: base, d_activated: cotangent.base, d_x: d_x)
        lmn_silu_backward(ExecutionContext.current.kernels, &arguments)
      }
    }
  }
}
