internal import CLMN

/// Error of a prediction.
public enum PredictionError: String, Sendable, Codable, CaseIterable {
  /// Squared difference from the target.
  case squared
  /// Absolute difference from the target.
  case absolute
}

extension Tensor {
  /// Error of every prediction, times its weight.
  ///
  /// - Parameters:
  ///   - kind: Kind of error.
  ///   - targets: Of the predictions' shape.
  ///   - weights: Of the predictions' shape; 0 where there is no target.
  ///   - quantiles: Of the predictions' shape, for absolute errors that are least, on the mean, at these
  ///     quantiles (pinball loss, twice); nil for the median.
  /// - Returns: Errors of the shape of `self`, the predictions.
  public func predictionErrors(
    _ kind: PredictionError, targets: Tensor, weights: Tensor, quantiles: Tensor? = nil
  ) -> Tensor {
    expectPredictions(targets, weights, quantiles, kind)
    let errors = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_prediction_error_forward,
      lmn_prediction_error(
        count: count, squared: kind == .squared, predictions: base, targets: targets.base,
        weights: weights.base, errors: errors.output, quantiles: quantiles?.base),
      on: self, targets, weights, quantiles ?? weights, errors)
    return errors
  }

  /// Pullback of ``predictionErrors(_:targets:weights:quantiles:)``: the cotangent of the predictions given
  /// that of the errors.
  ///
  /// - Parameters:
  ///   - cotangent: Of the predictions' shape.
  ///   - kind: As given to the forward operation.
  ///   - targets: As given to the forward operation.
  ///   - weights: As given to the forward operation.
  ///   - quantiles: As given to the forward operation.
  /// - Returns: Tensor of the shape of `self`, the predictions; 0 where an absolute difference is
  ///   0.
  public func predictionErrorsPullback(
    _ cotangent: Tensor, _ kind: PredictionError, targets: Tensor, weights: Tensor,
    quantiles: Tensor? = nil
  ) -> Tensor {
    expectPredictions(targets, weights, quantiles, kind)
    precondition(
      cotangent.shape == shape, "predictionErrorsPullback: \(cotangent.shape) of \(shape)")
    let d_predictions = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_prediction_error_backward,
      lmn_prediction_error_grad(
        count: count, squared: kind == .squared, predictions: base, targets: targets.base,
        weights: weights.base, d_errors: cotangent.base, d_predictions: d_predictions.output,
        quantiles: quantiles?.base),
      on: self, targets, weights, quantiles ?? weights, cotangent, d_predictions)
    return d_predictions
  }

  private func expectPredictions(
    _ targets: Tensor, _ weights: Tensor, _ quantiles: Tensor?, _ kind: PredictionError
  ) {
    precondition(
      quantiles == nil || quantiles?.shape == shape && kind == .absolute,
      "predictionErrors: quantiles \(quantiles?.shape ?? []) for \(kind) errors of \(shape)")
    precondition(
      targets.shape == shape && weights.shape == shape,
      "predictionErrors: targets \(targets.shape) and weights \(weights.shape) of \(shape)")
  }
}
