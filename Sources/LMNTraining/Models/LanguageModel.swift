import LMNKernels
import LMNLayers
public import LMNModel

/// A language network with its tokenizer.
public struct LanguageModel: StoredModel {
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

  /// Checksum that identifies the model in state files.
  var fingerprint: String {
    var fingerprint = Fingerprint()
    fingerprint.add(network.configuration.json.utf8)
    fingerprint.add(tokenizer.specification.utf8)
    for tensor in network.stateDictionary.tensors {
      fingerprint.add(tensor.scalars.lazy.map(\.bitPattern))
    }
    return fingerprint.description
  }
}

extension ModelFile {
  /// Configuration and tokenizer, with equal vocabulary sizes.
  func configurationAndTokenizer() throws -> (Configuration, Tokenizer) {
    let configuration = try configuration()
    let tokenizer = try Tokenizer(specification: metadata("tokenizer"))
    guard tokenizer.vocabularySize == configuration.vocabularySize else {
      throw CheckpointError.unusable(
        file: path,
        problem: "its tokenizer has \(tokenizer.vocabularySize) tokens, its configuration "
          + "\(configuration.vocabularySize)")
    }
    return (configuration, tokenizer)
  }
}
