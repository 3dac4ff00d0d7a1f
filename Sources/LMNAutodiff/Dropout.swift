public import LMNKernels

extension Variable {
  /// Every value set to 0 with probability `rate`, and otherwise divided by `1 − rate`.
  ///
  /// - Parameters:
  ///   - rate: From 0 to below 1.
  ///   - draw: Which draw.
  ///   - site: Which of the places where one computation drops.
  /// - Returns: Values of the same shape.
  public func dropout(rate: Float, draw: DropoutDraw, site: Int) -> Variable {
    Variable(
      value.dropout(rate: rate, draw: draw, site: site),
      edge { dy in dy.dropout(rate: rate, draw: draw, site: site) })
  }
}
