import LMNKernels
import LMNLayers
public import LMNModel

/// A language network with the tokenizer it was trained with.
public struct LanguageModel: StoredModel {
  /// Continuing a text.
  public static let task = TaskKind.text
  /// The network.
  public var network: LanguageNetwork
  /// Its vocabulary.
  public let tokenizer: Tokenizer

  /// A model of its parts.
  ///
  /// - Precondition: The vocabularies are of one size.
  public init(network: LanguageNetwork, tokenizer: Tokenizer) {
    precondition(
      network.configuration.vocabularySize == tokenizer.vocabularySize,
      "LanguageModel: the tokenizer has \(tokenizer.vocabularySize) tokens")
    self.network = network
    self.tokenizer = tokenizer
  }

  /// The model in a file of this task.
  public init(decoding file: ModelFile) throws {
    let (configuration, tokenizer) = try file.configurationAndTokenizer()
    network = try file.network { try LanguageNetwork(configuration, using: &$0) }
    self.tokenizer = tokenizer
  }

  /// Configuration and tokenizer.
  public var specification: [String: String] {
    ["config": network.configuration.json, "tokenizer": tokenizer.specification]
  }

  /// Tells this model from any other, as in the files of its sessions' states.
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
  /// Configuration and tokenizer of a model of texts, of one vocabulary.
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
