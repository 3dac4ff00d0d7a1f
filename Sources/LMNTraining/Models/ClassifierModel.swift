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

/// A classifier with the tokenizer it was trained with and the names of its classes.
public struct ClassifierModel: StoredModel {
  /// Classifying texts.
  public static let task = TaskKind.classify
  /// The network.
  public var network: ClassifierNetwork
  /// Its vocabulary.
  public let tokenizer: Tokenizer
  /// Names of its classes.
  public let labels: [String]

  /// A model of its parts.
  ///
  /// - Precondition: The vocabularies are of one size, and there is a name per class.
  public init(network: ClassifierNetwork, tokenizer: Tokenizer, labels: [String]) {
    precondition(
      network.configuration.vocabularySize == tokenizer.vocabularySize
        && network.classes == labels.count,
      "ClassifierModel: \(tokenizer.vocabularySize) tokens and \(labels.count) labels of another "
        + "network")
    self.network = network
    self.tokenizer = tokenizer
    self.labels = labels
  }

  /// The model in a file of this task.
  public init(decoding file: ModelFile) throws {
    let (configuration, tokenizer) = try file.configurationAndTokenizer()
    let labels: [String] = try file.decoded("labels")
    let name = try file.metadata("pooling")
    func problem(_ sentence: String) -> CheckpointError {
      .unusable(file: file.path, problem: sentence)
    }
    if labels.isEmpty { throw problem("it has no labels") }
    guard let pooling = Pooling(rawValue: name) else {
      throw problem("its pooling is \(name.quoted), which is none that this program knows")
    }
    network = try file.network {
      try ClassifierNetwork(configuration, classes: labels.count, pooling: pooling, using: &$0)
    }
    self.tokenizer = tokenizer
    self.labels = labels
  }

  /// Configuration, tokenizer, labels and pooling.
  public var specification: [String: String] {
    [
      "config": network.configuration.json, "tokenizer": tokenizer.specification,
      "labels": json(labels), "pooling": network.pooling.rawValue,
    ]
  }

  /// The likeliest class of a text, with its probability.
  public struct Prediction: Sendable, Equatable {
    /// The name of the class.
    public let label: String
    /// From 0 to 1.
    public let probability: Double
  }

  /// The likeliest class of a sequence of tokens, of which there is at least one.
  public func prediction(of tokens: [Token]) -> Prediction {
    let probabilities = logProbabilities(of: tokens)
    let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
    return Prediction(label: labels[best], probability: exp(probabilities[best]))
  }

  /// A table with the likeliest class of every text, and its probability.
  public func predictions(of texts: LabelledTexts) throws -> String {
    let tokens = try texts.tokens(by: tokenizer)
    try network.configuration.expectPositions(forEach: tokens)
    let lines = ExecutionContext.current.map(tokens.count) { index in
      let prediction = prediction(of: tokens[index])
      let probability = (prediction.probability * 1e6).rounded() / 1e6
      return "\(csvField(prediction.label)),\(probability)\n"
    }
    return "label,probability\n" + lines.joined()
  }

  /// By class, of a sequence of tokens that is read as a stream.
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
  /// Throws when one of the texts is too long for the learned positions.
  func expectPositions(forEach texts: [[Token]]) throws(ConfigurationError) {
    try expectPositions(for: texts.reduce(0) { max($0, $1.count) })
  }
}
