internal import LMNKernels

extension Variable {
  /// Product of every value with the SiLU of a gate of the same shape: `x · silu(gate)`.
  public func gated(bySiLUOf gate: Variable) -> Variable {
    let (x, g) = (value, gate.value)
    return Variable(
      x.gated(bySiLUOf: g),
      Edge.joint([self, gate]) { dy in
        let pulled = x.gatedPullback(dy, bySiLUOf: g)
        return [pulled.x, pulled.gate]
      })
  }
}
