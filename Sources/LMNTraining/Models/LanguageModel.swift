import LMNAutodiff
import LMNKernels
import LMNLayers
public import LMNModel

/// A network with the tokenizer it was trained with: what a model file holds.
public struct LanguageModel: StoredModel {
  /// The network.
  public var network: LogarithmicMemoryNetwork
  /// What its tokens mean.
  public let tokenizer: Tokenizer

  /// A model of its parts.
  ///
  /// - Precondition: The vocabularies are of one size.
  public init(network: LogarithmicMemoryNetwork, tokenizer: Tokenizer) {
    precondition(
      network.configuration.vocabularySize == tokenizer.vocabularySize,
      "LanguageModel: the tokenizer has \(tokenizer.vocabularySize) tokens")
    self.network = network
    self.tokenizer = tokenizer
  }

  /// What the model is for.
  public static let task = TaskKind.text

  /// The model in the tensors `names` of a file of this task.
  public init(decoding file: Safetensors, path: String, names: [String]) throws {
    (network, tokenizer) = try naming(file: path) {
      let (configuration, tokenizer) = try file.configurationAndTokenizer(path: path)
      let parameters = try file.stateDictionary(of: names)
      return (try LogarithmicMemoryNetwork(configuration, loading: parameters), tokenizer)
    }
  }

  /// Configuration and tokenizer.
  public var specification: [String: String] {
    ["config": network.configuration.json, "tokenizer": tokenizer.specification]
  }

  /// Tells this model from any other.
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

extension Safetensors {
  /// What every model of texts has in its metadata, of one vocabulary.
  func configurationAndTokenizer(path: String) throws -> (Configuration, Tokenizer) {
    let configuration = try Configuration(json: metadata("config", path: path))
    let tokenizer = try Tokenizer(specification: metadata("tokenizer", path: path))
    guard tokenizer.vocabularySize == configuration.vocabularySize else {
      throw CheckpointError.unusable(
        file: path,
        problem: "its tokenizer has \(tokenizer.vocabularySize) tokens, its configuration "
          + "\(configuration.vocabularySize)")
    }
    return (configuration, tokenizer)
  }
}
