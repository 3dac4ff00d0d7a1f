import LMNKernels
import LMNLayers
import LMNModel

/// A file that holds a model, possibly beside other tensors.
public struct ModelFile {
  /// Content of the file.
  let content: Safetensors
  /// Path of the file, for errors.
  let path: String
  /// Names of the model's tensors.
  let names: [String]
  /// The task of the model.
  public let task: TaskKind
  private let version: String

  /// Format version of written files: parameters under our names and in our layout.
  static let version = "2"
  /// Previous format version: parameters under their published names.
  private static let publishedVersion = "1"

  /// Reads a model file, or a model of a run's directory.
  ///
  /// - Parameters:
  ///   - path: The file or directory.
  ///   - weights: Which model of a directory to read; nil for the best, or the last where there is
  ///     no best.
  /// - Throws: An error that names the file; ``CheckpointError`` for weights of a file.
  public init(contentsOf path: String, weights: Weights? = nil) throws {
    let path = try Weights.file(at: path, weights)
    try self.init(try Safetensors(contentsOf: path), path: path)
  }

  /// The model in the tensors of a file whose names satisfy `isPart`.
  init(
    _ content: Safetensors, path: String, where isPart: (String) -> Bool = { _ in true }
  ) throws(CheckpointError) {
    self.content = content
    self.path = path
    names = content.entries.map(\.name).filter(isPart)
    version = try content.metadata("format_version", path: path)
    guard [Self.version, Self.publishedVersion].contains(version) else {
      throw .unusable(
        file: path,
        problem: "its format is version \(version), this program reads \(Self.publishedVersion) "
          + "and \(Self.version)")
    }
    // Files of earlier versions, which had no other task, do not name it.
    let name = content.metadata["task"] ?? TaskKind.text.rawValue
    guard let task = TaskKind(rawValue: name) else {
      throw .unusable(
        file: path, problem: "its task \(name.quoted) is unknown")
    }
    self.task = task
  }

  /// The metadata under `key`, which is required.
  func metadata(_ key: String) throws(CheckpointError) -> String {
    try content.metadata(key, path: path)
  }

  /// The JSON value in the metadata under `key`.
  func decoded<Value: Decodable>(_ key: String) throws -> Value {
    try content.decoded(key, path: path)
  }

  /// The JSON value in the metadata under `key`; nil without it.
  func decodedIfPresent<Value: Decodable>(_ key: String) throws -> Value? {
    content.metadata[key] == nil ? nil : try decoded(key)
  }

  /// The configuration in the metadata.
  func configuration() throws -> Configuration {
    if try holdsMemformer {
      throw CheckpointError.unusable(
        file: path, problem: "it is a Memformer, expected a network of blocks")
    }
    return try Configuration(json: metadata("config"))
  }

  /// Whether the model is a Memformer.
  public var holdsMemformer: Bool {
    get throws(CheckpointError) { MemformerConfiguration.isKind(of: try metadata("config")) }
  }

  /// The module that `make` describes, with the file's parameters.
  func module<M: Module>(_ make: (inout ParameterSource) throws -> M) throws -> M {
    try M.loading(content.stateDictionary(of: names), make)
  }

  /// The network that `make` describes, with the file's parameters.
  func network<N: Network>(_ make: (inout ParameterSource) throws -> N) throws -> N {
    try N.loading(
      content.stateDictionary(of: names), isPublished: version == Self.publishedVersion, make)
  }
}

extension Module {
  /// The module that `make` describes, with the given parameters.
  ///
  /// Parameters are counted before memory is allocated, so a configuration cannot request more
  /// memory than the file has.
  ///
  /// - Parameters:
  ///   - parameters: All parameters.
  ///   - make: Constructs the module from a parameter source.
  /// - Returns: The module.
  /// - Throws: ``CheckpointError``, or an error that lists mismatched names and shapes.
  static func loading(
    _ parameters: StateDictionary, _ make: (inout ParameterSource) throws -> Self
  ) throws -> Self {
    try describing(parameters, make) { try $0.load(parameters) }
  }

  fileprivate static func describing(
    _ parameters: StateDictionary, _ make: (inout ParameterSource) throws -> Self,
    load: (inout Self) throws -> Void
  ) throws -> Self {
    var source = ParameterSource.describing
    var module = try make(&source)
    let count = parameters.tensors.reduce(0) { $0 + $1.count }
    guard source.count == count else {
      throw CheckpointError.mismatchedParameterCount(expected: source.count ?? 0, found: count)
    }
    try parameters.expectFinite()
    try load(&module)
    return module
  }
}

extension Network {
  /// The network that `make` describes, with the given parameters.
  ///
  /// - Parameters:
  ///   - parameters: All parameters.
  ///   - isPublished: Whether names and shapes are the published ones.
  ///   - make: Constructs the network from a parameter source.
  /// - Returns: The network.
  /// - Throws: ``CheckpointError``, or an error that lists mismatched names and shapes.
  static func loading(
    _ parameters: StateDictionary, isPublished: Bool,
    _ make: (inout ParameterSource) throws -> Self
  ) throws -> Self {
    try describing(parameters, make) {
      if isPublished { try $0.load(published: parameters) } else { try $0.load(parameters) }
    }
  }
}
