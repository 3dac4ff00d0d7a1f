import LMNKernels
public import LMNLayers
import LMNMemories
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
  /// Weight of the loss per class.
  private var weights: [Float]
  private let epochs: EpochOrder

  /// Tokenizes and splits texts.
  ///
  /// - Parameters:
  ///   - texts: Texts with labels.
  ///   - tokenizer: Tokenizer of the texts.
  ///   - labels: Names of the classes; nil for those of the texts.
  ///   - validation: Texts for validation; nil for a tenth of `texts`.
  ///   - weighting: Weights of the classes in the training loss; nil for equal ones.
  ///   - seed: Random seed of the split and of the order in which rows are trained on.
  /// - Throws: ``CSVError`` where a text cannot be encoded or has an unknown label,
  ///   ``ClassificationError`` where all texts have one class.
  public init(
    _ texts: LabelledTexts, tokenizer: Tokenizer, labels: [String]? = nil,
    validation: LabelledTexts? = nil, weighting: ClassWeights? = nil, seed: UInt64
  ) throws {
    let labels = labels ?? Set(texts.labels ?? []).sorted()
    guard labels.count > 1 else {
      throw ClassificationError.oneClass(file: texts.file, label: labels.first ?? "")
    }
    self.labels = labels
    hasOwnValidation = validation != nil
    tokens = try texts.tokens(by: tokenizer) + (validation?.tokens(by: tokenizer) ?? [])
    let classes =
      try texts.classes(among: labels) + (validation?.classes(among: labels) ?? [])
    var generator = SeededGenerator(seed: seed)
    if validation == nil {
      // Two labels imply at least two texts.
      order = generator.permutation(of: classes.count)
      trainingCount = Self.trainingCount(of: classes.count)
    } else {
      (order, trainingCount) = (Array(classes.indices), texts.texts.count)
    }
    self.classes = classes
    weights = labels.indices.map { _ in 1 }
    epochs = EpochOrder(of: trainingCount, seed: seed)
    if weighting == .balanced {
      weights = ClassWeights.balanced(order[..<trainingCount].map { classes[$0] }, of: labels.count)
    }
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
      fill(window, row: rows[rows.startIndex + generator.integer(below: rows.count)])
    }
  }

  /// Fills a batch with the next training texts: every text once per epoch, in an order of its own.
  public func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  ) {
    for (item, window) in batch.inputs.enumerated() {
      fill(window, row: order[epochs[step * batch.inputs.count + item]])
    }
  }

  private func fill(_ window: LabelledWindow, row: Int) {
    window.overwrite(tokens: tokens[row], label: classes[row], weight: weights[classes[row]])
  }

  /// Evaluates the model on the validation part, whole texts and all of them.
  public func validation(
    of model: ClassifierModel, for configuration: TrainingConfiguration
  ) throws -> Validation? {
    let evaluation = try report(of: model).evaluation
    return Validation(
      loss: evaluation.loss, classification: evaluation.loss.isFinite ? evaluation : nil)
  }

  /// Evaluates a model on the validation part, per class.
  func report(of model: ClassifierModel) throws(ConfigurationError) -> ClassificationReport {
    let rows = rows(of: .validation)
    return try ClassificationReport(
      of: model, over: rows.map { tokens[$0] }, classes: rows.map { classes[$0] })
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
