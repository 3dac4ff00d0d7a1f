internal import CLMN

/// How far a prediction is from its target.
public enum PredictionError: String, Sendable, Codable, CaseIterable {
  /// The square of the difference.
  case squared
  /// The size of the difference.
  case absolute
}

extension Tensor {
  /// The error of every prediction, times its weight.
  ///
  /// - Parameters:
  ///   - kind: Of which kind.
  ///   - targets: Of the predictions' shape.
  ///   - weights: Of the predictions' shape; 0 where there is no target.
  /// - Returns: The errors, for `self` of that shape, the predictions.
  public func predictionErrors(
    _ kind: PredictionError, targets: Tensor, weights: Tensor
  ) -> Tensor {
    expectPredictions(targets, weights)
    let errors = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_prediction_error_forward,
      lmn_prediction_error(
        count: count, squared: kind == .squared, predictions: base, targets: targets.base,
        weights: weights.base, errors: errors.output),
      on: self, targets, weights, errors)
    return errors
  }

  /// What the cotangent of ``predictionErrors(_:targets:weights:)`` gives to the predictions.
  ///
  /// - Parameters:
  ///   - cotangent: Of the predictions' shape.
  ///   - kind: As given to the forward operation.
  ///   - targets: As given to the forward operation.
  ///   - weights: As given to the forward operation.
  /// - Returns: Of the shape of `self`, the predictions; 0 where a size has no slope.
  public func predictionErrorsPullback(
    _ cotangent: Tensor, _ kind: PredictionError, targets: Tensor, weights: Tensor
  ) -> Tensor {
    expectPredictions(targets, weights)
    precondition(
      cotangent.shape == shape, "predictionErrorsPullback: \(cotangent.shape) of \(shape)")
    let d_predictions = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_prediction_error_backward,
      lmn_prediction_error_grad(
        count: count, squared: kind == .squared, predictions: base, targets: targets.base,
        weights: weights.base, d_errors: cotangent.base, d_predictions: d_predictions.output),
      on: self, targets, weights, cotangent, d_predictions)
    return d_predictions
  }

  private func expectPredictions(_ targets: Tensor, _ weights: Tensor) {
    precondition(
      targets.shape == shape && weights.shape == shape,
      "predictionErrors: targets \(targets.shape) and weights \(weights.shape) of \(shape)")
  }
}
