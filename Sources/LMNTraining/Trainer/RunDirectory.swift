#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Directory with the files of a training run.
public struct RunDirectory: Sendable {
  /// Path of the directory.
  public let path: String

  /// The directory at `path`, which may be missing.
  public init(_ path: String) { self.path = path }

  static let modelName = "model.safetensors"

  /// Current weights.
  public var model: String { "\(path)/\(Self.modelName)" }
  /// Weights with the lowest validation loss.
  public var best: String { "\(path)/best.safetensors" }
  /// Checkpoint for a resume: weights, moments, loop state.
  public var training: String { "\(path)/training.safetensors" }
  /// The settings, as JSON for reading.
  public var configuration: String { "\(path)/configuration.json" }
  /// Log, one record per line.
  public var log: String { "\(path)/log.jsonl" }

  /// Files of a run.
  public var files: [String] { [model, best, training, configuration, log] }

  /// Whether the directory contains files of a run.
  public var holdsRun: Bool { files.contains { FileIdentity($0) != nil } }

  /// Writes a model into a directory that holds no run.
  ///
  /// - Parameter model: The model, written to ``model``.
  /// - Throws: ``TrainingError/occupied(directory:)``, `FileError`.
  public func begin(with model: LanguageModel) throws {
    guard !holdsRun else { throw TrainingError.occupied(directory: path) }
    try create()
    try model.write(to: self.model)
  }

  /// Creates the directory and its parents where they are missing.
  package func create() throws(FileError) {
    let ends = path.indices.filter { path[$0] == "/" && $0 != path.startIndex } + [path.endIndex]
    for directory in ends.map({ String(path[..<$0]) }) {
      guard directory.withFileName({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
        throw FileError(operation: "create", path: directory, code: errno)
      }
    }
  }
}
