public import LMNKernels
public import LMNLayers
public import LMNMemories
public import LMNModel

/// Texts and their classes, nine in ten to train on and the rest to validate with.
///
/// Which text is where follows from a seed.
public struct ClassificationData: TrainingData {
  /// What is trained.
  public typealias Model = ClassifierModel
  /// What is learned from.
  public typealias Input = LabelledWindow

  /// The names of the classes, sorted.
  public let labels: [String]
  private let tokens: [[Token]]
  private let classes: [Int]
  /// The rows in another order, those to train on first.
  private let order: [Int]
  private let trainingCount: Int

  /// Texts in tokens, divided.
  ///
  /// - Parameters:
  ///   - texts: With labels.
  ///   - tokenizer: Divides them into tokens.
  ///   - labels: What classes there are; nil for those of the texts.
  ///   - seed: What the division follows from.
  /// - Throws: ``CSVError`` where a text cannot be encoded, ``ClassificationError`` where there is
  ///   nothing to learn.
  public init(
    _ texts: LabelledTexts, tokenizer: Tokenizer, labels: [String]? = nil, seed: UInt64
  ) throws {
    let labels = labels ?? Set(texts.labels ?? []).sorted()
    guard labels.count > 1 else {
      throw ClassificationError.oneClass(file: texts.file, label: labels.first ?? "")
    }
    self.labels = labels
    tokens = try texts.tokens(by: tokenizer)
    classes = try texts.classes(among: labels)
    var generator = SeededGenerator(seed: seed)
    var order = Array(tokens.indices)
    for last in order.indices.dropFirst().reversed() {
      order.swapAt(last, generator.integer(below: last + 1))
    }
    self.order = order
    // Two labels make two texts.
    let share = Int((Double(order.count) * 0.9).rounded())
    trainingCount = min(max(share, 1), order.count - 1)
  }

  /// The rows of a split.
  public func rows(of split: Split) -> ArraySlice<Int> {
    switch split {
    case .training: order[..<trainingCount]
    case .validation: order[trainingCount...]
    }
  }

  /// Tokens of the longest text.
  var longest: Int { tokens.reduce(0) { max($0, $1.count) } }

  /// Tells these texts from any other, token by token, with their classes.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for (tokens, label) in zip(tokens, classes) {
      fingerprint.add([UInt32(tokens.count), UInt32(label)])
      fingerprint.add(tokens.lazy.map { UInt32(bitPattern: $0) })
    }
    return fingerprint.description
  }

  /// Records a classifier's mean loss over a batch of texts.
  public func batch(
    _ result: Batch.Result, at network: ClassifierNetwork,
    for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, ofLossAt: network, sequences: configuration.batchSize,
      length: configuration.blockLength)
  }

  /// Random texts, each as likely as any other; of longer ones, their beginning.
  public func fill(
    _ inputs: [LabelledWindow], of split: Split, using generator: inout SeededGenerator
  ) {
    let rows = rows(of: split)
    for window in inputs {
      let row = rows[rows.startIndex + generator.integer(below: rows.count)]
      window.overwrite(tokens: tokens[row], label: classes[row])
    }
  }

  /// Measured on whole texts: all of the validation part, or as many of it as the configuration's
  /// evaluation batches have room for, always the same.
  public func validation(
    of model: ClassifierModel, for configuration: TrainingConfiguration
  ) throws -> Validation? {
    let rows = rows(of: .validation)
      .prefix(configuration.evaluationBatches * configuration.batchSize)
    let evaluation = try ClassificationEvaluation(
      of: model, over: rows.map { tokens[$0] }, classes: rows.map { classes[$0] })
    return Validation(
      loss: evaluation.loss, classification: evaluation.loss.isFinite ? evaluation : nil)
  }
}

/// Why a classification cannot be learned.
public enum ClassificationError: Error, Equatable, CustomStringConvertible {
  /// All texts are of one class.
  case oneClass(file: String, label: String)

  /// The error as a sentence for the user.
  public var description: String {
    switch self {
    case .oneClass(let file, let label):
      "\(file): there is nothing to tell apart, every label is '\(label)'"
    }
  }
}

/// How well a classifier classes texts, and how well one could without reading them.
public struct ClassificationEvaluation: Sendable, Codable, Equatable {
  /// Texts that were classed.
  public let texts: Int
  /// Mean cross-entropy in nats per text.
  public let loss: Double
  /// The share of texts whose likeliest class is theirs.
  public let accuracy: Double
  /// The share of the commonest class: what one gets by always naming that.
  public let commonestClass: Double

  enum CodingKeys: String, CodingKey {
    case texts, loss, accuracy
    case commonestClass = "commonest_class"
  }

  /// Reads every text as a stream.
  ///
  /// - Parameters:
  ///   - model: What classes them.
  ///   - tokens: Those of every text, of which there is one at least, and none empty.
  ///   - classes: The class of every text.
  /// - Throws: When the model has learned too few positions.
  public init(
    of model: ClassifierModel, over tokens: [[Token]], classes: [Int]
  ) throws(ConfigurationError) {
    precondition(!tokens.isEmpty && tokens.count == classes.count, "an evaluation needs a text")
    try model.network.configuration.expectPositions(forEach: tokens)
    let found = ExecutionContext.current.map(tokens.count) { index in
      let probabilities = model.logProbabilities(of: tokens[index])
      let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
      return (loss: -probabilities[classes[index]], isRight: best == classes[index])
    }
    let counts = classes.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    texts = tokens.count
    loss = found.reduce(0) { $0 + $1.loss } / Double(texts)
    accuracy = Double(found.count(where: \.isRight)) / Double(texts)
    commonestClass = Double(counts.values.max()!) / Double(texts)
  }
}
