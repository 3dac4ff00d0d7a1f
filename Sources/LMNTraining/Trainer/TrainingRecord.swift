/// Line of a run's log; values not measured at a step are absent.
public struct TrainingRecord: Sendable, Codable, Equatable {
  /// Number of steps, including skipped updates.
  public var step: Int
  /// Number of tokens trained on.
  public var tokens: Int
  /// Mean loss in nats per token since the previous line; where the training text is evaluated, on
  /// lines with a validation loss, the result of that evaluation.
  public var loss: Double?
  /// Validation loss: for texts the mean over random batches, for other tasks over the validation
  /// part.
  public var validationLoss: Double?
  /// Validation of a classifier.
  public var classification: ClassificationEvaluation?
  /// Validation of a forecaster.
  public var forecast: ForecastEvaluation?
  /// Learning rate of this step.
  public var learningRate: Float?
  /// Gradient norm (global L2 norm) of this step, before clipping.
  public var gradientNorm: Double?
  /// Training speed since the previous line, without evaluations and checkpoints.
  public var tokensPerSecond: Double?
  /// Peak memory of the process.
  public var peakMemoryBytes: Int?

  enum CodingKeys: String, CodingKey {
    case step, tokens, loss, classification, forecast
    case validationLoss = "validation_loss"
    case learningRate = "learning_rate"
    case gradientNorm = "gradient_norm"
    case tokensPerSecond = "tokens_per_second"
    case peakMemoryBytes = "peak_memory_bytes"
  }
}
