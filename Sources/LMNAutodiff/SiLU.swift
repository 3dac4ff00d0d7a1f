internal import LMNKernels

extension Variable {
  /// Every value times its logistic sigmoid.
  public func silu() -> Variable {
    let x = value
    return Variable(x.silu(), edge { dy in x.siluPullback(dy) })
  }
}
