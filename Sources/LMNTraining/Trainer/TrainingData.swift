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
  /// What a member of a batch is computed from.
  associatedtype Input: TrainingInput
  /// A batch of them to measure with.
  typealias Batch = RecordedBatch<Model.Network, Input>
  /// A batch of them to learn from.
  typealias LearningBatch = any TrainingBatch<Model.Network, Input>

  /// Tells this data from any other.
  var fingerprint: String { get }

  /// Records the mean loss of a batch, as the configuration has it.
  func batch(
    _ result: Batch.Result, at network: Model.Network, for configuration: TrainingConfiguration
  ) -> Batch

  /// Fills a batch's inputs from random places of a split.
  func fill(_ inputs: [Input], of split: Split, using generator: inout SeededGenerator)

  /// What a run takes its steps with; a recorded batch, unless the data know better.
  func learningBatch(
    at network: Model.Network, for configuration: TrainingConfiguration
  ) -> LearningBatch

  /// Fills a batch with what a step learns from; random places, unless the data know better.
  func fill(
    _ batch: LearningBatch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  )

  /// What a model is worth on the validation part; nil where that is just the mean loss of random
  /// batches.
  func validation(
    of model: Model, for configuration: TrainingConfiguration
  ) throws -> Validation?
}

extension TrainingData {
  /// A recorded batch.
  public func learningBatch(
    at network: Model.Network, for configuration: TrainingConfiguration
  ) -> LearningBatch {
    batch(.valueAndGradient, at: network, for: configuration)
  }

  /// Fills a batch from random places of the training part.
  public func fill(
    _ batch: LearningBatch, forStep step: Int, of configuration: TrainingConfiguration,
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
