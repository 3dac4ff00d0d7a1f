public import LMNKernels

extension Variable {
  /// Every value times its logistic sigmoid.
  public func silu() -> Variable {
    let x = value
    return Variable(x.silu(), edge { dy in x.siluPullback(dy) })
  }

  /// Every value times the normal distribution's share below it.
  public func gelu() -> Variable {
    let x = value
    return Variable(x.gelu(), edge { dy in x.geluPullback(dy) })
  }

  /// Every value, but 0 for a negative one.
  public func relu() -> Variable {
    let x = value
    return Variable(x.relu(), edge { dy in x.reluPullback(dy) })
  }

  /// The logarithm of every value's logistic sigmoid.
  public func logSigmoid() -> Variable {
    let x = value
    return Variable(x.logSigmoid(), edge { dy in x.logSigmoidPullback(dy) })
  }

  /// What an activation makes of every value.
  public func activated(by activation: Activation) -> Variable {
    switch activation {
    case .silu: silu()
    case .gelu: gelu()
    case .relu: relu()
    }
  }
}
