import LMNKernels
public import LMNLayers
public import LMNModel

/// Part of the data.
public enum Split: String, CaseIterable, Sendable {
  /// Training data.
  case training
  /// Validation data, excluded from training.
  case validation
}

/// Training and validation data of a task.
public protocol TrainingData: Sendable {
  /// Trained model.
  associatedtype Model: StoredModel
  /// Input of one batch item.
  associatedtype Input: TrainingInput
  /// Recorded batch of inputs.
  typealias Batch = RecordedBatch<Model.N, Input>

  /// Checksum of the data.
  var fingerprint: String { get }

  /// Records the mean loss of a batch: with a gradient for training, without for validation.
  func batch(
    _ result: Batch.Result, at network: Model.N, for configuration: TrainingConfiguration
  ) -> Batch

  /// Fills inputs from random places of a split.
  func fill(_ inputs: [Input], of split: Split, using generator: inout SeededGenerator)

  /// Fills a training batch for a step; by default from random places.
  func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  )

  /// Whether a new model forecasts before it is trained, so that it is evaluated before the first step.
  var beginsFitted: Bool { get }

  /// The best model of a finished run, refined by all data; nil where there is nothing to refine.
  func finished(_ model: Model) -> Model?

  /// Evaluates a model on the validation part; nil where the validation loss is the mean loss of
  /// random batches.
  func validation(
    of model: Model, for configuration: TrainingConfiguration
  ) throws -> Validation?
}

extension TrainingData {
  /// False.
  public var beginsFitted: Bool { false }

  /// Nil.
  public func finished(_ model: Model) -> Model? { nil }

  /// Fills a batch from random places of the training part.
  public func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  ) {
    fill(batch.inputs, of: .training, using: &generator)
  }
}

/// Result of a validation.
public struct Validation: Sendable {
  /// Validation loss; the best model has the lowest.
  public var loss: Double
  /// Whether the loss is low enough to be no accident; otherwise the model is not the best.
  public var isCredible = true
  /// Evaluation of a classifier.
  public var classification: ClassificationEvaluation?
  /// Evaluation of a forecaster.
  public var forecast: ForecastEvaluation?
}
