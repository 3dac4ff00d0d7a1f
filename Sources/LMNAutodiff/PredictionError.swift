public import LMNKernels

extension Variable {
  /// The error of every prediction, times its weight; targets and weights are of the predictions'
  /// shape.
  public func predictionErrors(
    _ kind: PredictionError, targets: Tensor, weights: Tensor
  ) -> Variable {
    let predictions = value
    return Variable(
      predictions.predictionErrors(kind, targets: targets, weights: weights),
      edge { dy in
        predictions.predictionErrorsPullback(dy, kind, targets: targets, weights: weights)
      })
  }
}
