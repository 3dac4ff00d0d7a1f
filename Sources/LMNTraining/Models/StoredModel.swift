import LMNLayers
public import LMNModel

/// A model: a network with all that is needed to use it, as a model file holds it.
public protocol StoredModel: Sendable {
  /// The part with the parameters.
  associatedtype N: Network
  /// The task of the model.
  static var task: TaskKind { get }
  /// The part with the parameters.
  var network: N { get set }

  /// The model in a file of this task.
  init(decoding file: ModelFile) throws

  /// Metadata of the model's file, beside format and task.
  var specification: [String: String] { get }
}

extension StoredModel {
  /// Reads a model file, or the file `model.safetensors` of a directory.
  ///
  /// - Throws: An error that names the file, such as for a model of another task.
  public init(contentsOf path: String) throws {
    try self.init(ModelFile(contentsOf: path))
  }

  /// The model in a file, which has to be of this task.
  init(_ file: ModelFile) throws {
    guard file.task == Self.task else {
      throw CheckpointError.anotherTask(file: file.path, expected: Self.task, found: file.task)
    }
    self = try naming(file: file.path) { try Self(decoding: file) }
  }

  /// Parameters and metadata.
  func encoded() -> Safetensors {
    var file = Safetensors(
      metadata: specification.merging([
        "format": "pt", "format_version": ModelFile.version, "task": Self.task.rawValue,
      ]) { $1 })
    file.append(network.stateDictionary)
    return file
  }

  /// Writes a model file; a file at `path` is replaced as a whole or not at all.
  public func write(to path: String) throws { try encoded().write(to: path) }
}

/// A model of any task.
public enum AnyModel: Sendable {
  /// It continues texts.
  case text(LanguageModel)
  /// It classifies texts.
  case classify(ClassifierModel)
  /// It forecasts a series.
  case forecast(ForecasterModel)

  /// Reads a model file, or the file `model.safetensors` of a directory.
  public init(contentsOf path: String) throws {
    let file = try ModelFile(contentsOf: path)
    switch file.task {
    case .text: self = .text(try LanguageModel(file))
    case .classify: self = .classify(try ClassifierModel(file))
    case .forecast: self = .forecast(try ForecasterModel(file))
    }
  }

  /// The task of the model.
  public var task: TaskKind {
    switch self {
    case .text: .text
    case .classify: .classify
    case .forecast: .forecast
    }
  }

  /// The part with the parameters.
  public var network: any Network {
    switch self {
    case .text(let model): model.network
    case .classify(let model): model.network
    case .forecast(let model): model.network
    }
  }
}
