import FoundationEssentials
import LMNAutodiff
import LMNKernels
import LMNLayers
public import LMNModel

/// A network with the tokenizer it was trained with: what a model file holds.
public struct LanguageModel: Sendable {
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

  /// Reads a model file, or the file `model.safetensors` of a directory.
  public init(contentsOf path: String) throws {
    var isDirectory = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    let path = isDirectory ? "\(path)/\(RunDirectory.modelName)" : path
    let file = try Safetensors(contentsOf: path)
    try self.init(
      decoding: file, path: path, names: file.entries.map(\.name))
  }

  /// The model in the tensors `names` of a file.
  init(decoding file: Safetensors, path: String, names: [String]) throws {
    func unusable(_ problem: String) -> CheckpointError { .unusable(file: path, problem: problem) }
    let version = try file.metadata("format_version", path: path)
    guard version == Self.formatVersion else {
      throw unusable("its format is version \(version), this program reads \(Self.formatVersion)")
    }
    (network, tokenizer) = try naming(file: path) {
      let configuration = try Configuration(json: file.metadata("config", path: path))
      let tokenizer = try Tokenizer(specification: file.metadata("tokenizer", path: path))
      guard tokenizer.vocabularySize == configuration.vocabularySize else {
        throw unusable(
          "its tokenizer has \(tokenizer.vocabularySize) tokens, its configuration "
            + "\(configuration.vocabularySize)")
      }
      let parameters = try file.stateDictionary(of: names)
      return (try LogarithmicMemoryNetwork(configuration, loading: parameters), tokenizer)
    }
  }

  /// Which layout of files this program writes and reads.
  static let formatVersion = "1"

  /// The weights under their published names, configuration and tokenizer in the metadata.
  func encoded() -> Safetensors {
    var file = Safetensors(metadata: [
      "format": "pt", "format_version": Self.formatVersion,
      "config": network.configuration.json, "tokenizer": tokenizer.specification,
    ])
    file.append(network.published(network.stateDictionary))
    return file
  }

  /// Writes a model file; what was at `path` is replaced as a whole or not at all.
  public func write(to path: String) throws { try encoded().write(to: path) }

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
