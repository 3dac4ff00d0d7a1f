public import LMNKernels
public import LMNModel
internal import LMNTraining

/// Settings of training and test in paired recall.
public struct PairedRecallSettings: Sendable, Equatable, Encodable {
  /// Sizes and kinds of the network.
  public var model: Configuration
  /// Number of steps.
  public var steps = 2000
  /// Examples per step.
  public var batchSize = 32
  /// Peak learning rate.
  public var learningRate: Float = 3e-3
  /// Constants of AdamW.
  public var optimizer = AdamWConstants()
  /// Gradient clipping: largest global L2 norm; nil for no clipping.
  public var gradientClipping: Float? = 1
  /// Random seeds, one run each.
  public var seeds: [UInt64] = [0, 1, 2]
  /// Test examples per run.
  public var testExamples = 256

  enum CodingKeys: String, CodingKey {
    case model, steps, optimizer, seeds
    case batchSize = "batch_size"
    case learningRate = "learning_rate"
    case gradientClipping = "gradient_clipping"
    case testExamples = "test_examples"
  }

  /// The defaults, for a network of the given configuration.
  public init(model: Configuration) { self.model = model }

  /// Pairs of the first examples of the curriculum.
  private static let firstPairs = 6

  /// Curriculum: pairs of the examples at a step, counted from 0.
  ///
  /// They grow linearly over the first half of the steps, from 6 to those of the task.
  func pairs(at step: Int, of task: PairedRecall) -> Int {
    let first = min(Self.firstPairs, task.pairs)
    return min(task.pairs, first + (task.pairs - first) * step / max(1, steps / 2))
  }

  /// Learning rate at a step, counted from 0: linear warm-up over 1/40 of the steps, the peak until
  /// 3/5 of them, then a cosine to 1/20 of the peak.
  func rate(at step: Int) -> Float {
    let (warmUp, plateau) = (steps / 40, steps * 3 / 5 - steps / 40)
    let schedule = LearningRateSchedule.warmUpThenCosine(
      peak: learningRate, warmUpSteps: warmUp, totalSteps: steps - plateau, minimumFraction: 0.05)
    return schedule.rate(at: max(min(step, warmUp), step - plateau))
  }

  /// Throws unless all settings, except those of the network, are in range.
  func validate() throws {
    try expectCounts([
      ("steps", steps), ("batch size", batchSize), ("test examples", testExamples),
    ])
    try expectSome("seeds", seeds)
    try expectPositive([("learning rate", learningRate)])
  }
}
