public import LMNKernels

extension Variable {
  /// Error of every prediction, times its weight; targets, weights and quantiles have the shape of the
  /// predictions.
  public func predictionErrors(
    _ kind: PredictionError, targets: Tensor, weights: Tensor, quantiles: Tensor? = nil
  ) -> Variable {
    let predictions = value
    return Variable(
      predictions.predictionErrors(
        kind, targets: targets, weights: weights, quantiles: quantiles),
      edge { dy in
        predictions.predictionErrorsPullback(
          dy, kind, targets: targets, weights: weights, quantiles: quantiles)
      })
  }
}
