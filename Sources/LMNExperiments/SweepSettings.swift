public import LMNKernels
public import LMNLayers
public import LMNModel
internal import LMNTraining

/// Settings of a sweep over learning rates.
public struct SweepSettings: Sendable, Equatable, Encodable {
  /// Sizes and kinds of the network.
  public var model: Configuration
  /// Initialisation of the summarizers.
  public var initialisation = Initialisation.reference
  /// Number of training examples per size.
  public var examples = 10_000
  /// Number of passes over the examples.
  public var epochs = 32
  /// Examples per step, all of one size.
  public var batchSize = 64
  /// Peak learning rates, one run each.
  public var learningRates: [Float] = [1e-3, 3e-3, 1e-2]
  /// Learning-rate schedule.
  public var schedule = Schedule.cosine
  /// Constants of AdamW.
  public var optimizer = AdamWConstants()
  /// Gradient clipping: largest global L2 norm; nil for no clipping.
  public var gradientClipping: Float? = 1
  /// Whether the loss is over all next tokens, instead of the answers only.
  public var predictsAll = false
  /// Random seed.
  public var seed: UInt64 = 1
  /// Number of validations per run.
  public var evaluations = 20
  /// Validation examples per training size.
  public var validationExamples = 256
  /// Test examples per score.
  public var testExamples = 1000

  /// Kinds of learning-rate schedule.
  public enum Schedule: String, Sendable, Encodable, CaseIterable {
    /// The same rate at every step.
    case constant
    /// Linear warm-up over 5 % of the steps, then a cosine to 10 % of the peak.
    case cosine
  }

  enum CodingKeys: String, CodingKey {
    case model, initialisation, examples, epochs, schedule, optimizer, seed, evaluations
    case batchSize = "batch_size"
    case learningRates = "learning_rates"
    case gradientClipping = "gradient_clipping"
    case predictsAll = "predicts_all"
    case validationExamples = "validation_examples"
    case testExamples = "test_examples"
  }

  /// The defaults, for a network of the given configuration.
  public init(model: Configuration) { self.model = model }

  /// The schedule of a run.
  func schedule(peak: Float, steps: Int) -> LearningRateSchedule {
    switch schedule {
    case .constant: .constant(rate: peak)
    case .cosine:
      .warmUpThenCosine(
        peak: peak, warmUpSteps: steps / 20, totalSteps: steps, minimumFraction: 0.1)
    }
  }

  /// Throws unless all settings are in range.
  public func validate() throws {
    try model.validate()
    try expectCounts([
      ("examples", examples), ("epochs", epochs), ("batch size", batchSize),
      ("evaluations", evaluations), ("validation examples", validationExamples),
      ("test examples", testExamples),
    ])
    if examples < batchSize {
      throw TrainingError.outOfRange(
        name: "examples", value: "\(examples)", range: "at least a batch of \(batchSize)")
    }
    try expectSome("learning rates", learningRates)
    try expectPositive(
      learningRates.map { ("learning rate", $0) } + [("gradient clipping", gradientClipping ?? 1)])
    if !(optimizer.weightDecay >= 0 && optimizer.weightDecay.isFinite) {
      throw TrainingError.outOfRange(
        name: "weight decay", value: "\(optimizer.weightDecay)", range: "0 or more and finite")
    }
  }
}
