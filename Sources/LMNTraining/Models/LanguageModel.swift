import LMNAutodiff
public import LMNKernels
import LMNLayers
public import LMNModel

/// A language network with its tokenizer.
public struct LanguageModel: TextModel {
  /// Continuing a text.
  public static let task = TaskKind.text
  /// The network.
  public var network: LanguageNetwork
  /// Tokenizer of the texts.
  public let tokenizer: Tokenizer

  /// A model with the given parts.
  ///
  /// - Precondition: Vocabulary sizes are equal.
  public init(network: LanguageNetwork, tokenizer: Tokenizer) {
    precondition(
      network.configuration.vocabularySize == tokenizer.vocabularySize,
      "LanguageModel: the tokenizer has \(tokenizer.vocabularySize) tokens")
    self.network = network
    self.tokenizer = tokenizer
  }

  /// Decodes a file of this task.
  public init(decoding file: ModelFile) throws {
    let (configuration, tokenizer) = try file.configurationAndTokenizer()
    network = try file.network { try LanguageNetwork(configuration, using: &$0) }
    self.tokenizer = tokenizer
  }

  /// Metadata: configuration and tokenizer.
  public var specification: [String: String] {
    ["config": network.configuration.json, "tokenizer": tokenizer.specification]
  }

  /// Number of learned positions; nil without.
  public var maximumLength: Int? { network.configuration.maximumLength }

  /// JSON of the configuration.
  public var configurationJSON: String { network.configuration.json }

  /// A reader at the beginning of a text.
  public func reader() -> any TextReader { LanguageReader(network) }

  /// The reader that ``TextReader/append(to:)`` saved; nil where the tensors do not form its state.
  public func reader(in file: Safetensors, at position: Int) throws -> (any TextReader)? {
    try LanguageReader(network, in: file, at: position)
  }

  /// Sum of the losses in nats of predicting all tokens of a text but the first.
  public func loss(of tokens: [Token]) -> Double {
    let (inputs, targets) = (Array(tokens.dropLast()), Array(tokens.dropFirst()))
    return Double(network.loss(of: inputs, targets: targets).value.scalar) * Double(targets.count)
  }
}

extension ModelFile {
  /// Configuration and tokenizer, with equal vocabulary sizes.
  func configurationAndTokenizer() throws -> (Configuration, Tokenizer) {
    let configuration = try configuration()
    return (configuration, try tokenizer(of: configuration.vocabularySize))
  }

  /// The tokenizer, which has to have `vocabularySize` tokens.
  func tokenizer(of vocabularySize: Int) throws -> Tokenizer {
    let tokenizer = try Tokenizer(specification: metadata("tokenizer"))
    guard tokenizer.vocabularySize == vocabularySize else {
      throw CheckpointError.unusable(
        file: path,
        problem: "its tokenizer has \(tokenizer.vocabularySize) tokens, its configuration "
          + "\(vocabularySize)")
    }
    return tokenizer
  }
}
