import FoundationEssentials
import LMNKernels
public import LMNLayers
import LMNMemories
import LMNModel

extension LanguageModel {
  /// Information that the tensors of a state dict do not contain.
  public struct PyTorchSettings: Sendable {
    /// H: number of attention heads.
    public var heads: Int?
    /// Path of a JSON file with configuration keys; it overrides the shapes and the state dict's
    /// metadata.
    public var configuration: String?
    /// Path of a text whose characters, in order of their code points, are the vocabulary.
    public var vocabulary: String?

    /// No settings.
    public init() {}
  }

  /// Reads weights of the published code, saved by PyTorch: a state dict in safetensors.
  ///
  /// - Parameters:
  ///   - path: The file. Query, key and value are one map (`qkv`) or three (`sva.q`, `sva.k`,
  ///     `sva.v`); a prefix of the names, such as `module.`, is left out, and a head that is tied to
  ///     the embedding may be saved once.
  ///   - settings: Information that the file does not contain.
  ///   - report: Called with what was read in another form than the published one.
  /// - Throws: ``ConversionError`` for missing information, and for all mismatched names and shapes
  ///   at once; errors of the files.
  public init(
    pyTorch path: String, settings: PyTorchSettings = PyTorchSettings(),
    report: (ConversionEvent) -> Void = { _ in }
  ) throws {
    var file = try PyTorchStateDict(contentsOf: path)
    let configuration = try Self.configuration(of: file, at: path, settings)
    if !file.prefix.isEmpty { report(.droppedPrefix(file.prefix)) }
    if configuration.tiedHead {
      if file.hasTiedHead { report(.tiedHead) }
      file.leaveOut(PyTorchStateDict.head, equalTo: PyTorchStateDict.table)
    }
    let network: LanguageNetwork
    do {
      network = try LanguageNetwork(configuration, loading: file, at: path)
    } catch let error as ConversionError {
      // Names and shapes do not match: a configuration file that contradicts them is to blame.
      guard let config = settings.configuration,
        let problem = try InferredConfiguration(layout: file.layout)
          .contradiction(with: AtomicFile.string(of: config), source: path)
      else { throw error }
      throw CheckpointError.unusable(file: config, problem: problem)
    }
    self.init(
      network: network,
      tokenizer: try Self.tokenizer(
        of: file, at: path, vocabularySize: configuration.vocabularySize, settings))
  }

  private static func configuration(
    of file: PyTorchStateDict, at path: String, _ settings: PyTorchSettings
  ) throws -> Configuration {
    var inferred = InferredConfiguration(layout: file.layout)
    if file.hasTiedHead { inferred.tieHead() }
    if let json = file.metadata["config"] {
      try naming(file: path) { try inferred.merge(json: json) }
    }
    // The configuration without the file of --config, whose faults are not of that file.
    var own = inferred
    if let file = settings.configuration {
      let json = try AtomicFile.string(of: file)
      try naming(file: file) { try inferred.merge(json: json) }
    }
    if let heads = settings.heads { (inferred["heads"], own["heads"]) = (heads, heads) }
    let unknown = inferred.unknownKeys
    guard unknown.isEmpty else { throw ConversionError.unknownSizes(file: path, keys: unknown) }
    do {
      return try inferred.configuration()
    } catch let error as ConfigurationError {
      let isOwn = own.unknownKeys.isEmpty && (try? own.configuration()) == nil
      throw CheckpointError.unusable(
        file: isOwn ? path : settings.configuration ?? path,
        problem: error.description(naming: { key in
          settings.heads != nil && key == "heads" ? "--heads" : key
        }))
    }
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

  /// Writes the weights as a state dict that the published code loads, with configuration and
  /// tokenizer in the metadata.
  ///
  /// - Parameters:
  ///   - path: Path of a file that does not exist yet.
  ///   - separatingProjections: Whether query, key and value get one map each.
  /// - Throws: ``ConversionError/occupied(path:)``, `FileError`.
  public func writePyTorch(to path: String, separatingProjections: Bool = false) throws {
    guard FileIdentity(path) == nil else {
      throw ConversionError.occupied(path: path)
    }
    var weights = network.published(network.stateDictionary)
    if network.configuration.tiedHead {
      // PyTorch lists a tied weight under both names.
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
  /// A network with the given configuration and the weights of a state dict.
  fileprivate init(
    _ configuration: Configuration, loading file: PyTorchStateDict, at path: String
  ) throws {
    let found = file.layout.reduce(0) { $0 + $1.shape.reduce(1, *) }
    var source = ParameterSource.describing
    try self.init(configuration, using: &source)
    // Limits the memory that a configuration can request; below the limit, mismatched names are
    // reported instead of a count.
    guard let expected = source.count, expected <= max(4 * found, 1 << 24) else {
      let expected = source.count ?? 0
      throw ConversionError.mismatchedParameterCount(file: path, expected: expected, found: found)
    }
    let own = publishedZeros
    let layout = file.hasSeparateProjections ? own.separatingProjections().layout : own.layout
    if let error = StateDictionaryError(found: file.layout, expected: layout) {
      throw ConversionError.misfit(file: path, error)
    }
    let tensors = try file.tensors()
    try naming(file: path) { try tensors.expectFinite() }
    try load(published: tensors.fusingProjections())
  }
}

/// A part of a state dict that is read in another form than the published one.
public enum ConversionEvent: Sendable, Equatable, CustomStringConvertible {
  /// The names have a prefix, which is left out.
  case droppedPrefix(String)
  /// The weight of the head is the embedding table, saved once.
  case tiedHead

  /// A sentence for the log.
  public var description: String {
    switch self {
    case .droppedPrefix(let prefix): "names are read without their prefix \(prefix.quoted)"
    case .tiedHead: "the weight of the head is the embedding table, saved once"
    }
  }
}

/// A failed conversion from or to a PyTorch state dict.
public enum ConversionError: Error, Equatable, CustomStringConvertible {
  /// Sizes that follow neither from shapes nor from a configuration.
  case unknownSizes(file: String, keys: [String])
  /// Names and shapes that do not match the network.
  case misfit(file: String, StateDictionaryError)
  /// The configuration needs another number of parameters than the file has.
  case mismatchedParameterCount(file: String, expected: Int, found: Int)
  /// The file holds several models, whose names have these prefixes.
  case severalPrefixes(file: String, prefixes: [String])
  /// The characters of the vocabulary are unknown.
  case noVocabulary(file: String, size: Int)
  /// The vocabulary's size differs from the network's.
  case mismatchedVocabulary(file: String, found: Int, expected: Int)
  /// The output exists already.
  case occupied(path: String)

  /// A sentence with the file and a remedy.
  public var description: String {
    switch self {
    case .unknownSizes(let file, let keys):
      "\(file): \(keys.joined(separator: ", ")) cannot be inferred from its tensors; give "
        + (keys == ["heads"] ? "--heads or " : "") + "--config"
    case .misfit(let file, let error):
      "\(file): \(error)"
    case .mismatchedParameterCount(let file, let expected, let found):
      "\(file): \(CheckpointError.mismatchedParameterCount(expected: expected, found: found))"
    case .severalPrefixes(let file, let prefixes):
      "\(file): it holds several models, under the prefixes "
        + prefixes.map(\.quoted).joined(separator: " and ") + "; save one of them"
    case .noVocabulary(let file, let size):
      "\(file): the characters of its \(size) tokens are unknown; "
        + "give a text with exactly these characters by --vocabulary"
    case .mismatchedVocabulary(let file, let found, let expected):
      "\(file): its vocabulary has \(found) tokens, the network has \(expected)"
    case .occupied(let path):
      "\(path) exists already; choose another name"
    }
  }
}
