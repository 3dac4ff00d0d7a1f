public import LMNKernels
public import LMNLayers
public import LMNMemories
public import LMNModel

/// Labelled texts: 90 % for training, the rest for validation, unless these are texts of their own.
///
/// The split is determined by a seed.
public struct ClassificationData: TrainingData {
  /// Trained model.
  public typealias Model = ClassifierModel
  /// Input of one batch item.
  public typealias Input = LabelledWindow

  /// Names of the classes, sorted.
  public let labels: [String]
  private let tokens: [[Token]]
  private let classes: [Int]
  /// Permutation of the rows; the first ones are for training.
  private let order: [Int]
  private let trainingCount: Int
  /// Whether the validation part is a table of its own.
  private let hasOwnValidation: Bool

  /// Tokenizes and splits texts.
  ///
  /// - Parameters:
  ///   - texts: Texts with labels.
  ///   - tokenizer: Tokenizer of the texts.
  ///   - labels: Names of the classes; nil for those of the texts.
  ///   - validation: Texts for validation; nil for a tenth of `texts`.
  ///   - seed: Random seed of the split.
  /// - Throws: ``CSVError`` where a text cannot be encoded or has an unknown label,
  ///   ``ClassificationError`` where all texts have one class.
  public init(
    _ texts: LabelledTexts, tokenizer: Tokenizer, labels: [String]? = nil,
    validation: LabelledTexts? = nil, seed: UInt64
  ) throws {
    let labels = labels ?? Set(texts.labels ?? []).sorted()
    guard labels.count > 1 else {
      throw ClassificationError.oneClass(file: texts.file, label: labels.first ?? "")
    }
    self.labels = labels
    if let validation {
      let count = texts.texts.count
      tokens = try texts.tokens(by: tokenizer) + validation.tokens(by: tokenizer)
      classes = try texts.classes(among: labels) + validation.classes(among: labels)
      (order, trainingCount, hasOwnValidation) = (Array(tokens.indices), count, true)
      return
    }
    hasOwnValidation = false
    tokens = try texts.tokens(by: tokenizer)
    classes = try texts.classes(among: labels)
    var generator = SeededGenerator(seed: seed)
    var order = Array(tokens.indices)
    for last in order.indices.dropFirst().reversed() {
      order.swapAt(last, generator.integer(below: last + 1))
    }
    self.order = order
    // Two labels imply at least two texts.
    trainingCount = Self.trainingCount(of: order.count)
  }

  /// Number of training texts among `count` texts, at least two.
  public static func trainingCount(of count: Int) -> Int {
    min(max(Int((Double(count) * TrainingSize.share).rounded()), 1), count - 1)
  }

  /// The rows of a split.
  public func rows(of split: Split) -> ArraySlice<Int> {
    switch split {
    case .training: order[..<trainingCount]
    case .validation: order[trainingCount...]
    }
  }

  /// Names of the classes without a row in a split, sorted.
  public func absentLabels(in split: Split) -> [String] {
    let present = Set(rows(of: split).map { classes[$0] })
    return labels.indices.filter { !present.contains($0) }.map { labels[$0] }
  }

  /// Number of tokens of the longest text.
  var longest: Int { tokens.reduce(0) { max($0, $1.count) } }

  /// Checksum of the tokens and classes.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for (tokens, label) in zip(tokens, classes) {
      fingerprint.add([UInt32(tokens.count), UInt32(label)])
      fingerprint.add(tokens.lazy.map { UInt32(bitPattern: $0) })
    }
    // Elsewhere the rows determine the split.
    if hasOwnValidation { fingerprint.add([UInt32(truncatingIfNeeded: trainingCount)]) }
    return fingerprint.description
  }

  /// Records a classifier's mean loss over a batch of texts.
  public func batch(
    _ result: Batch.Result, at network: ClassifierNetwork,
    for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, ofLossAt: network, sequences: configuration.batchSize,
      length: configuration.blockLength, recomputing: configuration.recompute)
  }

  /// Fills inputs with random texts, drawn uniformly; longer texts are truncated.
  public func fill(
    _ inputs: [LabelledWindow], of split: Split, using generator: inout SeededGenerator
  ) {
    let rows = rows(of: split)
    for window in inputs {
      let row = rows[rows.startIndex + generator.integer(below: rows.count)]
      window.overwrite(tokens: tokens[row], label: classes[row])
    }
  }

  /// Evaluates the model on whole texts of the validation part: the first ones, as many as the
  /// configuration's evaluation batches hold.
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

/// Labelled texts that are unsuitable for training.
public enum ClassificationError: Error, Equatable, CustomStringConvertible {
  /// All texts have the same class.
  case oneClass(file: String, label: String)

  /// A sentence with file and label.
  public var description: String {
    switch self {
    case .oneClass(let file, let label):
      "\(file): all labels are '\(label)', a classifier needs at least two classes"
    }
  }
}

/// Evaluation of a classifier on texts, with the majority baseline.
public struct ClassificationEvaluation: Sendable, Codable, Equatable {
  /// Number of texts.
  public let texts: Int
  /// Mean cross-entropy in nats per text.
  public let loss: Double
  /// Fraction of texts classified correctly.
  public let accuracy: Double
  /// Fraction of the most common class: accuracy of always choosing it.
  public let commonestClass: Double

  enum CodingKeys: String, CodingKey {
    case texts, loss, accuracy
    case commonestClass = "commonest_class"
  }

  /// Evaluates a model, which reads each text as a stream.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - tokens: Tokens of each text, which may be empty; at least one text.
  ///   - classes: Class of each text.
  ///   - report: Called with the number of texts done.
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public init(
    of model: ClassifierModel, over tokens: [[Token]], classes: [Int],
    report: ProgressReport = { _ in }
  ) throws(ConfigurationError) {
    precondition(!tokens.isEmpty && tokens.count == classes.count, "an evaluation needs a text")
    try model.network.configuration.expectPositions(forEach: tokens)
    let found = ExecutionContext.current.map(tokens.count, reporting: report) { index in
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
