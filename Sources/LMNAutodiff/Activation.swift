public import LMNKernels

extension Variable {
  /// SiLU of every value: `x / (1 + exp(−x))`.
  public func silu() -> Variable {
    let x = value
    return Variable(x.silu(), edge { dy in x.siluPullback(dy) })
  }

  /// GELU of every value: `x · (1 + erf(x / √2)) / 2`.
  public func gelu() -> Variable {
    let x = value
    return Variable(x.gelu(), edge { dy in x.geluPullback(dy) })
  }

  /// ReLU of every value: `max(x, 0)`; the slope at 0 is 0.
  public func relu() -> Variable {
    let x = value
    return Variable(x.relu(), edge { dy in x.reluPullback(dy) })
  }

  /// Logistic function of every value: `1 / (1 + exp(−x))`.
  public func sigmoid() -> Variable {
    let x = value
    return Variable(x.sigmoid(), edge { dy in x.sigmoidPullback(dy) })
  }

  /// Logarithm of the logistic sigmoid of every value: `−log(1 + exp(−x))`.
  public func logSigmoid() -> Variable {
    let x = value
    return Variable(x.logSigmoid(), edge { dy in x.logSigmoidPullback(dy) })
  }

  /// Applies an activation function to every value.
  public func activated(by activation: Activation) -> Variable {
    switch activation {
    case .silu: silu()
    case .gelu: gelu()
    case .relu: relu()
    }
  }
}
