public import LMNKernels
public import LMNLayers
public import LMNModel
internal import LMNTraining

/// How a network is trained on a task, at each of several learning rates.
public struct SweepSettings: Sendable, Equatable, Encodable {
  /// The network's sizes and kinds.
  public var model: Configuration
  /// What the summarizers' parameters are before training.
  public var initialisation = Initialisation.reference
  /// Examples to train on, of each size.
  public var examples = 10_000
  /// How often each is seen.
  public var epochs = 32
  /// Examples of a step, all of one size.
  public var batchSize = 64
  /// The highest rates, each of which a run of its own is made with.
  public var learningRates: [Float] = [1e-3, 3e-3, 1e-2]
  /// How the rate goes over a run.
  public var schedule = Schedule.cosine
  /// The optimizer's constants.
  public var optimizer = AdamWConstants()
  /// A gradient longer than this is scaled down to it; nil for never.
  public var gradientClipping: Float? = 1
  /// Whether the loss is over all next tokens, instead of over the answers alone.
  public var predictsAll = false
  /// What every random choice follows from.
  public var seed: UInt64 = 1
  /// How often a run is measured on its way.
  public var evaluations = 20
  /// Examples of each training size by which runs are measured and compared.
  public var validationExamples = 256
  /// Examples that a score of the best run is measured by.
  public var testExamples = 1000

  /// How the learning rate goes.
  public enum Schedule: String, Sendable, Encodable, CaseIterable {
    /// The same at every step.
    case constant
    /// Up over a twentieth of the steps, and down to a tenth.
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

  /// The rate of every step of a run.
  func schedule(peak: Float, steps: Int) -> LearningRateSchedule {
    switch schedule {
    case .constant: .constant(rate: peak)
    case .cosine:
      .warmUpThenCosine(
        peak: peak, warmUpSteps: steps / 20, totalSteps: steps, minimumFraction: 0.1)
    }
  }

  /// Throws unless runs can go like this.
  public func validate() throws {
    try model.validate()
    let counts = [
      ("examples", examples), ("epochs", epochs), ("batch size", batchSize),
      ("evaluations", evaluations), ("validation examples", validationExamples),
      ("test examples", testExamples),
    ]
    for (name, count) in counts where !(1...Configuration.largestSize).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "1 to \(Configuration.largestSize)")
    }
    if examples < batchSize {
      throw TrainingError.outOfRange(
        name: "examples", value: "\(examples)", range: "at least a batch of \(batchSize)")
    }
    if learningRates.isEmpty {
      throw TrainingError.outOfRange(name: "learning rates", value: "none", range: "one or more")
    }
    let numbers =
      learningRates.map { ("learning rate", $0) } + [("gradient clipping", gradientClipping ?? 1)]
    for (name, value) in numbers where !(value > 0 && value.isFinite) {
      throw TrainingError.outOfRange(name: name, value: "\(value)", range: "above 0 and finite")
    }
    if !(optimizer.weightDecay >= 0 && optimizer.weightDecay.isFinite) {
      throw TrainingError.outOfRange(
        name: "weight decay", value: "\(optimizer.weightDecay)", range: "0 or more and finite")
    }
  }
}
