extension Variable {
  /// The same value as a node of its own.
  ///
  /// Cotangents of the branch's uses are summed before they are added to those of other uses. So a sum of
  /// two branches has the same bits whichever of them is pulled back first.
  ///
  /// - Returns: The branch; a constant for a constant.
  public func branch() -> Variable { Variable(value, edge { $0 }) }
}
