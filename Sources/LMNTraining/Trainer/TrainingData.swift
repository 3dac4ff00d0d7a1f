import LMNKernels
public import LMNLayers
public import LMNModel

/// A part of the data.
public enum Split: String, CaseIterable, Sendable {
  /// What the model learns from.
  case training
  /// What the model never learns from.
  case validation
}

/// What a model of some task learns from, and is measured with.
public protocol TrainingData: Sendable {
  /// What is trained.
  associatedtype Model: StoredModel
  /// Input of one batch item.
  associatedtype Input: TrainingInput
  /// A batch of them.
  typealias Batch = RecordedBatch<Model.N, Input>

  /// Tells this data from any other.
  var fingerprint: String { get }

  /// Records the mean loss of a batch, as the configuration has it: with a gradient for training,
  /// without for validation.
  func batch(
    _ result: Batch.Result, at network: Model.N, for configuration: TrainingConfiguration
  ) -> Batch

  /// Fills inputs from random places of a split.
  func fill(_ inputs: [Input], of split: Split, using generator: inout SeededGenerator)

  /// Fills a training batch for a step; from random places, unless the data do otherwise.
  func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  )

  /// Evaluates a model on the validation part; nil where that is the mean loss of random batches.
  func validation(
    of model: Model, for configuration: TrainingConfiguration
  ) throws -> Validation?
}

extension TrainingData {
  /// Fills a batch from random places of the training part.
  public func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  ) {
    fill(batch.inputs, of: .training, using: &generator)
  }
}

/// What a model was found to be worth on the validation part.
public struct Validation: Sendable {
  /// What the best model has least of.
  public var loss: Double
  /// Of a classifier.
  public var classification: ClassificationEvaluation?
  /// Of a forecaster.
  public var forecast: ForecastEvaluation?
}
