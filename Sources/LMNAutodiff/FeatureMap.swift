public import LMNKernels

extension Variable {
  /// Feature map of every row, times `scale`, and divided by its L2 norm if it is normalised.
  ///
  /// - Parameters:
  ///   - map: The map.
  ///   - width: Length of a row; `self` is read as rows of it.
  ///   - isNormalized: Whether rows are divided by their norm.
  ///   - scale: Factor.
  /// - Returns: Features, of the shape of `self`.
  public func features(
    _ map: FeatureMap, width: Int, isNormalized: Bool, scale: Float
  ) -> Variable {
    let x = value
    return Variable(
      x.features(map, width: width, isNormalized: isNormalized, scale: scale),
      edge { dy in
        x.featuresPullback(dy, map, width: width, isNormalized: isNormalized, scale: scale)
      })
  }

  /// Every value times a constant.
  public func scaled(by factor: Float) -> Variable {
    features(
      .identity, width: max(value.shape.last ?? 1, 1), isNormalized: false, scale: factor)
  }
}
