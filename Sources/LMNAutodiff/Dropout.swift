public import LMNKernels

extension Variable {
  /// Dropout: every value is set to 0 with probability `rate`, otherwise divided by `1 − rate`.
  ///
  /// - Parameters:
  ///   - rate: Probability, 0 ≤ rate < 1.
  ///   - draw: Seed and number, read at every run of a recording.
  ///   - site: Number of the dropout among those of one computation; every site has its own masks.
  /// - Returns: Variable of the same shape.
  public func dropout(rate: Float, draw: DropoutDraw, site: Int) -> Variable {
    Variable(
      value.dropout(rate: rate, draw: draw, site: site),
      edge { dy in dy.dropout(rate: rate, draw: draw, site: site) })
  }
}
