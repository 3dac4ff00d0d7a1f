import FoundationEssentials
import LMNKernels
public import LMNLayers
import LMNModel

extension LanguageModel {
  /// What the tensors of a state dict do not tell.
  public struct PyTorchSettings: Sendable {
    /// H.
    public var heads: Int?
    /// A file with the configuration as JSON, or a part of it: it stands above what the shapes and
    /// the state dict's metadata say.
    public var configuration: String?
    /// A file with a text whose characters are the vocabulary, in order of their code points.
    public var vocabulary: String?

    /// Settings that say nothing.
    public init() {}
  }

  /// Reads weights that PyTorch has saved of the published code: a state dict in safetensors.
  ///
  /// - Parameters:
  ///   - path: The file. Query, key and value are one map (`qkv`) or three (`sva.q`, `sva.k`,
  ///     `sva.v`); a prefix such as `module.` that all names share is left out.
  ///   - settings: What the file does not tell.
  /// - Throws: ``ConversionError`` for what nothing tells; all names and shapes that do not fit, at
  ///   once; what else is wrong with the files.
  public init(pyTorch path: String, settings: PyTorchSettings = PyTorchSettings()) throws {
    var file = try PyTorchStateDict(contentsOf: path)
    let configuration = try Self.configuration(of: file, at: path, settings)
    if configuration.tiedHead {
      file.leaveOut("lm_head.weight", equalTo: "token_embedding_table.weight")
    }
    let network = try LanguageNetwork(configuration, loading: file, at: path)
    self.init(
      network: network,
      tokenizer: try Self.tokenizer(
        of: file, at: path, vocabularySize: configuration.vocabularySize, settings))
  }

  private static func configuration(
    of file: PyTorchStateDict, at path: String, _ settings: PyTorchSettings
  ) throws -> Configuration {
    var inferred = InferredConfiguration(layout: file.layout)
    if let json = file.metadata["config"] {
      try naming(file: path) { try inferred.merge(json: json) }
    }
    if let file = settings.configuration {
      let json = String(decoding: try AtomicFile.contents(of: file), as: UTF8.self)
      try naming(file: file) { try inferred.merge(json: json) }
    }
    if let heads = settings.heads { inferred["heads"] = heads }
    let unknown = inferred.unknownKeys
    guard unknown.isEmpty else { throw ConversionError.unknownSizes(file: path, keys: unknown) }
    return try naming(file: path) { try inferred.configuration() }
  }

  private static func tokenizer(
    of file: PyTorchStateDict, at path: String, vocabularySize: Int, _ settings: PyTorchSettings
  ) throws -> Tokenizer {
    let (tokenizer, source): (Tokenizer, String)
    if let text = settings.vocabulary {
      tokenizer = .characters(try naming(file: text) { try Vocabulary(contentsOf: text) })
      source = text
    } else if let specification = file.metadata["tokenizer"] {
      tokenizer = try naming(file: path) { try Tokenizer(specification: specification) }
      source = path
    } else if vocabularySize == Tokenizer.bytes.vocabularySize {
      return .bytes
    } else {
      throw ConversionError.noVocabulary(file: path, size: vocabularySize)
    }
    guard tokenizer.vocabularySize == vocabularySize else {
      throw ConversionError.mismatchedVocabulary(
        file: source, found: tokenizer.vocabularySize, expected: vocabularySize)
    }
    return tokenizer
  }

  /// Writes the weights as a state dict that the published code loads, configuration and tokenizer in
  /// the metadata.
  ///
  /// - Parameters:
  ///   - path: A file that is not there yet.
  ///   - separatingProjections: Whether query, key and value get a map each.
  /// - Throws: ``ConversionError/occupied(path:)``, `FileError`.
  public func writePyTorch(to path: String, separatingProjections: Bool = false) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw ConversionError.occupied(path: path)
    }
    var weights = network.published(network.stateDictionary)
    if network.configuration.tiedHead {
      // PyTorch lists a shared weight under both names.
      let table = weights["token_embedding_table.weight"]!
      weights = StateDictionary(
        names: weights.names + ["lm_head.weight"], tensors: weights.tensors + [table])
    }
    var file = Safetensors(metadata: [
      "format": "pt", "config": network.configuration.json, "tokenizer": tokenizer.specification,
    ])
    file.append(separatingProjections ? weights.separatingProjections() : weights)
    try file.write(to: path)
  }
}

extension LanguageNetwork {
  /// A network of the given configuration with the weights of a state dict.
  fileprivate init(
    _ configuration: Configuration, loading file: PyTorchStateDict, at path: String
  ) throws {
    let found = file.layout.reduce(0) { $0 + $1.shape.reduce(1, *) }
    var source = ParameterSource.describing
    try self.init(configuration, using: &source)
    // A configuration cannot ask for much more memory than came with it; up to there, the names say
    // more than the number.
    guard let expected = source.count, expected <= max(4 * found, 1 << 24) else {
      let expected = source.count ?? 0
      throw CheckpointError.unusable(
        file: path,
        problem: "\(CheckpointError.mismatchedParameterCount(expected: expected, found: found))")
    }
    let own = publishedZeros
    let layout = file.hasSeparateProjections ? own.separatingProjections().layout : own.layout
    if let error = StateDictionaryError(found: file.layout, expected: layout) {
      throw ConversionError.misfit(file: path, error)
    }
    try load(published: file.tensors().fusingProjections())
  }
}

/// Why a state dict becomes no model, or the other way round.
public enum ConversionError: Error, Equatable, CustomStringConvertible {
  /// Neither shapes nor a configuration tell some sizes.
  case unknownSizes(file: String, keys: [String])
  /// Names and shapes do not fit the network.
  case misfit(file: String, StateDictionaryError)
  /// Nothing tells which characters the tokens stand for.
  case noVocabulary(file: String, size: Int)
  /// A vocabulary has another size than the network's.
  case mismatchedVocabulary(file: String, found: Int, expected: Int)
  /// What would be written is there already.
  case occupied(path: String)

  /// A sentence that names the file and what helps.
  public var description: String {
    switch self {
    case .unknownSizes(let file, let keys):
      "\(file): its tensors do not tell \(keys.joined(separator: ", ")); give "
        + (keys == ["heads"] ? "--heads or " : "") + "--config"
    case .misfit(let file, let error):
      "\(file): \(error)"
    case .noVocabulary(let file, let size):
      "\(file): it does not tell which characters its \(size) tokens stand for; "
        + "give a text with just these by --vocabulary"
    case .mismatchedVocabulary(let file, let found, let expected):
      "\(file): it makes a vocabulary of \(found) tokens, the network has \(expected)"
    case .occupied(let path):
      "\(path) is there already; choose another name"
    }
  }
}
