internal import LMNKernels

extension Variable {
  /// Elementwise sum of two variables of the same shape.
  public static func + (left: Variable, right: Variable) -> Variable {
    Variable(left.value.adding(right.value), left.edge { dy in dy }, right.edge { dy in dy })
  }
}
