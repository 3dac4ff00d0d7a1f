public import LMNKernels
internal import LMNMemories
public import LMNModel
internal import LMNTraining

/// Settings of training and test in recall across segments.
public struct SegmentRecallSettings: Sendable, Equatable, Encodable {
  /// Sizes and kinds of the network.
  public var model: Configuration
  /// Arms, each trained with every seed.
  public var arms = SegmentRecallArm.allCases
  /// T: segments of an example in training.
  public var segments = 4
  /// Segments of the examples in further tests.
  public var testSegments = [6, 10, 20]
  /// Most steps.
  public var steps = 1500
  /// Examples per step.
  public var batchSize = 32
  /// Learning rate, constant.
  public var learningRate: Float = 3e-3
  /// Constants of AdamW.
  public var optimizer = AdamWConstants()
  /// Gradient clipping: largest global L2 norm; nil for no clipping.
  public var gradientClipping: Float? = 1
  /// Random seeds.
  public var seeds: [UInt64] = [1, 2, 3]
  /// Steps between validations.
  public var evaluateEvery = 250
  /// Accuracy in a validation that ends the training.
  public var goal = 0.99
  /// Examples of a validation and of a test.
  public var testExamples = 512

  enum CodingKeys: String, CodingKey {
    case model, arms, segments, steps, optimizer, seeds, goal
    case testSegments = "test_segments"
    case batchSize = "batch_size"
    case learningRate = "learning_rate"
    case gradientClipping = "gradient_clipping"
    case evaluateEvery = "evaluate_every"
    case testExamples = "test_examples"
  }

  /// The defaults, for a network of the given configuration.
  public init(model: Configuration) { self.model = model }

  /// Configuration of the default network: two blocks of width 32 with eight slots, which are
  /// rewritten at the end of each segment of the task.
  public static func model(for task: SegmentRecall) -> Configuration {
    var slots = SlotMemory.Settings()
    (slots.slots, slots.segment) = (8, task.segmentLength)
    var model = Configuration(vocabularySize: task.vocabularySize)
    (model.layers, model.feedForward) = (2, 2)
    model.memories = [MemoryConfiguration(slots)]
    return model
  }

  /// Segments of all tests, those of training first.
  var allSegments: [Int] { [segments] + testSegments }

  /// Throws unless all settings, except those of the network, are in range.
  func validate() throws {
    try expectCounts([
      ("steps", steps), ("batch size", batchSize), ("steps between evaluations", evaluateEvery),
      ("test examples", testExamples),
    ])
    for (name, count) in [("segments", segments)] + testSegments.map({ ("test segments", $0) })
    where !(2...Self.mostSegments).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "2 to \(Self.mostSegments)")
    }
    try expectSome("seeds", seeds)
    try expectSome("arms", arms)
    try expectPositive([("learning rate", learningRate)])
  }

  /// Upper limit of the number of segments of an example.
  static let mostSegments = 1 << 16
}
