public import LMNKernels
import LMNLayers
public import LMNModel

/// A Memformer with its tokenizer.
public struct MemformerModel: TextModel {
  /// Continuing a text.
  public static let task = TaskKind.text
  /// The Memformer.
  public var network: Memformer
  /// Tokenizer of the texts.
  public let tokenizer: Tokenizer

  /// A model with the given parts.
  ///
  /// - Precondition: Vocabulary sizes are equal.
  public init(network: Memformer, tokenizer: Tokenizer) {
    precondition(
      network.configuration.vocabularySize == tokenizer.vocabularySize,
      "MemformerModel: the tokenizer has \(tokenizer.vocabularySize) tokens")
    self.network = network
    self.tokenizer = tokenizer
  }

  /// Decodes a file of a Memformer.
  public init(decoding file: ModelFile) throws {
    let configuration = try MemformerConfiguration(json: file.metadata("config"))
    tokenizer = try file.tokenizer(of: configuration.vocabularySize)
    network = try file.module { try Memformer(configuration, using: &$0) }
  }

  /// Metadata: configuration and tokenizer.
  public var specification: [String: String] {
    ["config": configurationJSON, "tokenizer": tokenizer.specification]
  }

  /// Nil: positions begin anew in every segment.
  public var maximumLength: Int? { nil }

  /// JSON of the configuration.
  public var configurationJSON: String { network.configuration.json }

  /// A reader at the beginning of a text.
  public func reader() -> any TextReader { MemformerReader(network) }

  /// The reader that ``TextReader/append(to:)`` saved; nil where the tensors do not form its state.
  public func reader(in file: Safetensors, at position: Int) throws -> (any TextReader)? {
    try MemformerReader(network, in: file, at: position)
  }

  /// Sum of the losses in nats of predicting all tokens of a text but the first.
  public func loss(of tokens: [Token]) -> Double {
    var (reader, sum) = (MemformerReader(network), 0.0)
    reader.read(Array(tokens.dropLast()), predicting: Array(tokens.dropFirst())) { sum += $0 }
    return sum
  }
}
