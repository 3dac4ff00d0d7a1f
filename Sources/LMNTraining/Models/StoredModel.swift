import LMNLayers
public import LMNModel

/// A model: weights, configuration and the task's metadata, stored in one file.
public protocol StoredModel: Sendable {
  /// Type of the network.
  associatedtype N: StreamModule
  /// The task of the model.
  static var task: TaskKind { get }
  /// The network, which holds the weights.
  var network: N { get set }

  /// Decodes a file of this task.
  init(decoding file: ModelFile) throws

  /// Metadata of the model's file, beside format and task.
  var specification: [String: String] { get }
}

extension StoredModel {
  /// Reads a model file, or a model of a run's directory.
  ///
  /// - Parameters:
  ///   - path: The file or directory.
  ///   - weights: Which model of a directory to read; nil for the best, or the last where there is
  ///     no best.
  /// - Throws: An error that names the file, for example for a model of another task.
  public init(contentsOf path: String, weights: Weights? = nil) throws {
    try self.init(ModelFile(contentsOf: path, weights: weights))
  }

  /// Decodes a file, whose task has to be this one.
  init(_ file: ModelFile) throws {
    guard file.task == Self.task else {
      throw CheckpointError.anotherTask(file: file.path, expected: Self.task, found: file.task)
    }
    self = try naming(file: file.path) { try Self(decoding: file) }
  }

  /// Parameters and metadata as a file.
  func encoded() -> Safetensors {
    var file = Safetensors(
      metadata: specification.merging([
        "format": "pt", "format_version": ModelFile.version, "task": Self.task.rawValue,
      ]) { $1 })
    file.append(network.stateDictionary)
    return file
  }

  /// Writes a model file atomically.
  public func write(to path: String) throws { try encoded().write(to: path) }
}

/// A model of any task.
public enum AnyModel: Sendable {
  /// Continuation of texts by a network of blocks.
  case text(LanguageModel)
  /// Continuation of texts by a Memformer.
  case memformer(MemformerModel)
  /// Classification of texts.
  case classify(ClassifierModel)
  /// Forecasts of series.
  case forecast(ForecasterModel)

  /// Reads a model file, or a model of a run's directory.
  ///
  /// - Parameters:
  ///   - path: The file or directory.
  ///   - weights: Which model of a directory to read; nil for the best, or the last where there is
  ///     no best.
  /// - Throws: An error that names the file.
  public init(contentsOf path: String, weights: Weights? = nil) throws {
    let file = try ModelFile(contentsOf: path, weights: weights)
    switch file.task {
    case .text:
      self =
        try file.holdsMemformer
        ? .memformer(MemformerModel(file)) : .text(LanguageModel(file))
    case .classify: self = .classify(try ClassifierModel(file))
    case .forecast: self = .forecast(try ForecasterModel(file))
    }
  }

  /// The task of the model.
  public var task: TaskKind {
    switch self {
    case .text, .memformer: .text
    case .classify: .classify
    case .forecast: .forecast
    }
  }

  /// The network of the model.
  public var network: any StreamModule {
    switch self {
    case .text(let model): model.network
    case .memformer(let model): model.network
    case .classify(let model): model.network
    case .forecast(let model): model.network
    }
  }
}
