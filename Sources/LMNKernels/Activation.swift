internal import CLMN

/// What happens to every inner value of a feed-forward map.
public enum Activation: String, Sendable, Codable, CaseIterable {
  /// ``Tensor/silu()``.
  case silu
  /// ``Tensor/gelu()``.
  case gelu
  /// ``Tensor/relu()``.
  case relu
}

extension Tensor {
  /// Every value times its logistic sigmoid: `x / (1 + exp(−x))` (arXiv 1606.08415).
  public func silu() -> Tensor { activated(lmn_silu_forward) }

  /// Every value times the normal distribution's share below it: `x · (1 + erf(x / √2)) / 2`
  /// (arXiv 1606.08415).
  public func gelu() -> Tensor { activated(lmn_gelu_forward) }

  /// Every value, but 0 for a negative one.
  public func relu() -> Tensor { activated(lmn_relu_forward) }

  /// What the cotangent of ``silu()`` gives to its input.
  public func siluPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_silu_backward)
  }

  /// What the cotangent of ``gelu()`` gives to its input.
  public func geluPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_gelu_backward)
  }

  /// What the cotangent of ``relu()`` gives to its input: at 0, nothing.
  public func reluPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_relu_backward)
  }

  /// The logarithm of every value's logistic sigmoid.
  public func logSigmoid() -> Tensor { activated(lmn_log_sigmoid_forward) }

  /// What the cotangent of ``logSigmoid()`` gives to its input.
  public func logSigmoidPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_log_sigmoid_backward)
  }

  private func activated(
    _ function: @escaping (lmn_context, UnsafePointer<lmn_activation>?) -> Void
  ) -> Tensor {
    let activated = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      function, lmn_activation(count: count, x: base, activated: activated.output),
      on: self, activated)
    return activated
  }

  private func activationPullback(
    _ cotangent: Tensor,
    _ function: @escaping (lmn_context, UnsafePointer<lmn_activation_grad>?) -> Void
  ) -> Tensor {
    precondition(cotangent.shape == shape, "activationPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      function,
      lmn_activation_grad(count: count, x: base, d_activated: cotangent.base, d_x: d_x.output),
      on: self, cotangent, d_x)
    return d_x
  }
}
