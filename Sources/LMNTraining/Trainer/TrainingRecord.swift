/// A line of a run's log; what was not measured at a step is absent.
public struct TrainingRecord: Sendable, Codable, Equatable {
  /// Updates made, or skipped, so far.
  public var step: Int
  /// Tokens trained on so far.
  public var tokens: Int
  /// Mean loss, in nats per token, of the batches since the line before; on lines with a
  /// validation loss of a run that measures the training text too, that measurement.
  public var loss: Double?
  /// Mean loss over random batches of the validation text; of other tasks, over the validation part.
  public var validationLoss: Double?
  /// What a classifier makes of the validation part.
  public var classification: ClassificationEvaluation?
  /// What a forecaster makes of the validation part.
  public var forecast: ForecastEvaluation?
  /// The rate of this step.
  public var learningRate: Float?
  /// The gradient's Euclidean norm at this step, before clipping.
  public var gradientNorm: Double?
  /// Trained on since the line before, evaluations and checkpoints not counted.
  public var tokensPerSecond: Double?
  /// The most memory that the process has held.
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
