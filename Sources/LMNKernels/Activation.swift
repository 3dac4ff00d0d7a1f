internal import CLMN

/// Activation function of a feed-forward layer, applied to every inner value.
public enum Activation: String, Sendable, Codable, CaseIterable {
  /// ``Tensor/silu()``.
  case silu
  /// ``Tensor/gelu()``.
  case gelu
  /// ``Tensor/relu()``.
  case relu
}

extension Tensor {
  /// SiLU of every value: `x / (1 + exp(−x))` (arXiv 1606.08415).
  public func silu() -> Tensor { activated(lmn_silu_forward) }

  /// GELU of every value: `x · (1 + erf(x / √2)) / 2` (arXiv 1606.08415).
  public func gelu() -> Tensor { activated(lmn_gelu_forward) }

  /// ReLU of every value: `max(x, 0)`.
  public func relu() -> Tensor { activated(lmn_relu_forward) }

  /// Pullback of ``silu()``: the cotangent of `self` given that of the result.
  public func siluPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_silu_backward)
  }

  /// Pullback of ``gelu()``: the cotangent of `self` given that of the result.
  public func geluPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_gelu_backward)
  }

  /// Pullback of ``relu()``: the cotangent of `self` given that of the result; the slope at 0 is 0.
  public func reluPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_relu_backward)
  }

  /// Logistic function of every value: `1 / (1 + exp(−x))`.
  public func sigmoid() -> Tensor { activated(lmn_sigmoid_forward) }

  /// Pullback of ``sigmoid()``: the cotangent of `self` given that of the result.
  public func sigmoidPullback(_ cotangent: Tensor) -> Tensor {
    activationPullback(cotangent, lmn_sigmoid_backward)
  }

  /// Logarithm of the logistic sigmoid of every value: `−log(1 + exp(−x))`.
  public func logSigmoid() -> Tensor { activated(lmn_log_sigmoid_forward) }

  /// Pullback of ``logSigmoid()``: the cotangent of `self` given that of the result.
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
