import LMNAutodiff
public import LMNKernels
import LMNLayers
import LMNMemories
public import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A classifier with its tokenizer and class names.
public struct ClassifierModel: StoredModel {
  /// Classifying texts.
  public static let task = TaskKind.classify
  /// The network.
  public var network: ClassifierNetwork
  /// Tokenizer of the texts.
  public let tokenizer: Tokenizer
  /// Names of the classes.
  public let labels: [String]

  /// A model with the given parts.
  ///
  /// - Precondition: Vocabulary sizes are equal, and there is one name per class.
  public init(network: ClassifierNetwork, tokenizer: Tokenizer, labels: [String]) {
    precondition(
      network.configuration.vocabularySize == tokenizer.vocabularySize
        && network.classes == labels.count,
      "ClassifierModel: \(tokenizer.vocabularySize) tokens and \(labels.count) labels do not fit the "
        + "network")
    self.network = network
    self.tokenizer = tokenizer
    self.labels = labels
  }

  /// Decodes a file of this task.
  public init(decoding file: ModelFile) throws {
    let (configuration, tokenizer) = try file.configurationAndTokenizer()
    let labels: [String] = try file.decoded("labels")
    let name = try file.metadata("pooling")
    func problem(_ sentence: String) -> CheckpointError {
      .unusable(file: file.path, problem: sentence)
    }
    if labels.isEmpty { throw problem("it has no labels") }
    guard let pooling = Pooling(rawValue: name) else {
      throw problem("its pooling \(name.quoted) is unknown")
    }
    let nGrams: NGrams.Settings? = try file.decodedIfPresent("n_grams")
    network = try file.network {
      try ClassifierNetwork(
        configuration, classes: labels.count, pooling: pooling, nGrams: nGrams, using: &$0)
    }
    self.tokenizer = tokenizer
    self.labels = labels
  }

  /// Metadata: configuration, tokenizer, labels, pooling, and n-grams if there are any.
  public var specification: [String: String] {
    var values = [
      "config": network.configuration.json, "tokenizer": tokenizer.specification,
      "labels": json(labels), "pooling": network.pooling.rawValue,
    ]
    values["n_grams"] = network.nGrams.map { json($0.settings) }
    return values
  }

  /// A class of a text, and its probability.
  public struct Prediction: Sendable, Equatable {
    /// Name of the class.
    public let label: String
    /// Probability of the class, from 0 to 1.
    public let probability: Double
  }

  /// The likeliest class of a sequence of tokens; an empty one has a class, too.
  public func prediction(of tokens: [Token]) -> Prediction {
    Self.likeliest(of: predictions(of: tokens))
  }

  /// The likeliest of predictions, the first of equal ones.
  static func likeliest(of predictions: [Prediction]) -> Prediction {
    predictions.dropFirst().reduce(predictions[0]) {
      $0.probability >= $1.probability ? $0 : $1
    }
  }

  /// The probability of every class of a sequence of tokens, in the order of the labels.
  public func predictions(of tokens: [Token]) -> [Prediction] {
    zip(labels, logProbabilities(of: tokens)).map {
      Prediction(label: $0, probability: exp($1))
    }
  }

  /// Logarithms of the class probabilities of a sequence, read as a stream.
  func logProbabilities(of tokens: [Token]) -> [Double] {
    var session = ClassificationSession(network)
    session.read(tokens)
    let logits = session.logits.scalars.map(Double.init)
    let largest = logits.max()!
    let logNormalizer = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
    return logits.map { $0 - logNormalizer }
  }
}

extension Configuration {
  /// Throws when a text is too long for the learned positions.
  func expectPositions(forEach texts: [[Token]]) throws(ConfigurationError) {
    try trunk.expectPositions(for: texts.reduce(0) { max($0, $1.count) })
  }
}
