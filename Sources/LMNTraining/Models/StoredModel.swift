import FoundationEssentials
import LMNLayers
public import LMNModel

/// A model with all that is needed to use it: what a model file holds.
public protocol StoredModel: Sendable {
  /// The part with the parameters.
  associatedtype Network: TrunkModel
  /// What the model is for.
  static var task: TaskKind { get }
  /// The part with the parameters.
  var network: Network { get set }

  /// The model in the tensors `names` of a file of this task.
  init(decoding file: Safetensors, path: String, names: [String]) throws

  /// What tells how to use the network, for the metadata of a file.
  var specification: [String: String] { get }
}

extension StoredModel {
  /// Reads a model file, or the file `model.safetensors` of a directory.
  ///
  /// - Throws: What is wrong with the file, such as a model of another task.
  public init(contentsOf path: String) throws {
    let (file, path) = try modelFile(at: path)
    try self.init(file, path: path)
  }

  /// The model in a file of nothing else.
  init(_ file: Safetensors, path: String) throws {
    try self.init(checking: file, path: path, names: file.entries.map(\.name))
  }

  /// The model in the tensors `names` of a file, once format and task are found to be right.
  init(checking file: Safetensors, path: String, names: [String]) throws {
    let task = try TaskKind(of: file, path: path)
    guard task == Self.task else {
      throw CheckpointError.anotherTask(file: path, expected: Self.task, found: task)
    }
    try self.init(decoding: file, path: path, names: names)
  }

  /// The weights under their published names, and in the metadata what tells how to use them.
  func encoded() -> Safetensors {
    var file = Safetensors(
      metadata: specification.merging([
        "format": "pt", "format_version": formatVersion, "task": Self.task.rawValue,
      ]) { $1 })
    file.append(network.published(network.stateDictionary))
    return file
  }

  /// Writes a model file; what was at `path` is replaced as a whole or not at all.
  public func write(to path: String) throws { try encoded().write(to: path) }
}

/// A model of any task.
public enum AnyModel: Sendable {
  /// It continues texts.
  case text(LanguageModel)
  /// It classes texts.
  case classify(TextClassifier)
  /// It forecasts a series.
  case forecast(SeriesForecaster)

  /// Reads a model file, or the file `model.safetensors` of a directory.
  public init(contentsOf path: String) throws {
    let (file, path) = try modelFile(at: path)
    switch try TaskKind(of: file, path: path) {
    case .text: self = .text(try LanguageModel(file, path: path))
    case .classify: self = .classify(try TextClassifier(file, path: path))
    case .forecast: self = .forecast(try SeriesForecaster(file, path: path))
    }
  }

  /// What the model is for.
  public var task: TaskKind {
    switch self {
    case .text: .text
    case .classify: .classify
    case .forecast: .forecast
    }
  }

  /// The part with the parameters.
  public var network: any TrunkModel {
    switch self {
    case .text(let model): model.network
    case .classify(let model): model.network
    case .forecast(let model): model.network
    }
  }
}

/// Which layout of files this program writes and reads.
private let formatVersion = "1"

/// The file at `path`, or the file `model.safetensors` of a directory there.
private func modelFile(at path: String) throws -> (file: Safetensors, path: String) {
  var isDirectory = false
  _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
  let path = isDirectory ? "\(path)/\(RunDirectory.modelName)" : path
  return (try Safetensors(contentsOf: path), path)
}

extension TaskKind {
  /// What the model in a file is for, which has to be of this program's format.
  init(of file: Safetensors, path: String) throws(CheckpointError) {
    let version = try file.metadata("format_version", path: path)
    guard version == formatVersion else {
      throw .unusable(
        file: path,
        problem: "its format is version \(version), this program reads \(formatVersion)")
    }
    // Files from before there were other tasks do not say theirs.
    let name = file.metadata["task"] ?? TaskKind.text.rawValue
    guard let task = TaskKind(rawValue: name) else {
      throw .unusable(
        file: path, problem: "its task \(name.quoted) is none that this program knows")
    }
    self = task
  }

  /// What the run in a directory is for.
  public init(ofRunIn directory: RunDirectory) throws {
    try self.init(of: Safetensors(contentsOf: directory.training), path: directory.training)
  }
}
