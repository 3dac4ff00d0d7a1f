public import LMNKernels
public import LMNMemories
import LMNModel

/// Evaluation of a classifier on texts, with the majority baseline.
public struct ClassificationEvaluation: Sendable, Codable, Equatable {
  /// Number of texts.
  public let texts: Int
  /// Mean cross-entropy in nats per text.
  public let loss: Double
  /// Fraction of texts classified correctly.
  public let accuracy: Double
  /// Mean F1 score of the classes that have texts or predictions; absent in logs of earlier versions.
  public let macroF1: Double?
  /// Fraction of the most common class: accuracy of always choosing it.
  public let commonestClass: Double

  enum CodingKeys: String, CodingKey {
    case texts, loss, accuracy
    case macroF1 = "macro_f1"
    case commonestClass = "commonest_class"
  }
}

/// Evaluation of a classifier on texts, per class.
public struct ClassificationReport: Sendable, Encodable, Equatable {
  /// Measures over all texts.
  public let evaluation: ClassificationEvaluation
  /// Measures of each class.
  public let classes: [ClassScores]
  /// Confusion matrix: number of texts per class (row) and predicted class (column).
  public let confusion: [[Int]]

  /// Measures of a class.
  public struct ClassScores: Sendable, Encodable, Equatable {
    /// Name of the class.
    public let label: String
    /// Number of its texts.
    public let texts: Int
    /// Fraction of the predictions of the class that are right; nil without any.
    public let precision: Double?
    /// Fraction of the texts of the class that are predicted so; nil without any.
    public let recall: Double?
    /// F1 score, the harmonic mean of precision and recall: right predictions divided by the mean
    /// number of predictions and texts; nil without both.
    public let f1: Double?

    init(_ label: String, right: Int, predictions: Int, texts: Int) {
      self.label = label
      self.texts = texts
      func share(_ count: Double) -> Double? { count > 0 ? Double(right) / count : nil }
      precision = share(Double(predictions))
      recall = share(Double(texts))
      f1 = share(Double(predictions + texts) / 2)
    }
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
      return (loss: -probabilities[classes[index]], best: best)
    }
    let labels = model.labels
    var confusion = labels.map { _ in labels.map { _ in 0 } }
    for (found, expected) in zip(found, classes) { confusion[expected][found.best] += 1 }
    let counts = confusion.map { $0.reduce(0, +) }
    let scores = labels.indices.map { label in
      ClassScores(
        labels[label], right: confusion[label][label],
        predictions: confusion.reduce(0) { $0 + $1[label] }, texts: counts[label])
    }
    let f1 = scores.compactMap(\.f1)
    let count = Double(tokens.count)
    (self.classes, self.confusion) = (scores, confusion)
    evaluation = ClassificationEvaluation(
      texts: tokens.count, loss: found.reduce(0) { $0 + $1.loss } / count,
      accuracy: Double(labels.indices.reduce(0) { $0 + confusion[$1][$1] }) / count,
      macroF1: f1.reduce(0, +) / Double(f1.count), commonestClass: Double(counts.max()!) / count)
  }

  private enum CodingKeys: String, CodingKey { case classes, confusion }

  /// Encodes the measures over all texts beside those of the classes.
  public func encode(to encoder: any Encoder) throws {
    try evaluation.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(classes, forKey: .classes)
    try container.encode(confusion, forKey: .confusion)
  }
}
