import FoundationEssentials

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Where a training run leaves its files.
public struct RunDirectory: Sendable {
  /// The directory.
  public let path: String

  /// The directory at `path`, which need not be there yet.
  public init(_ path: String) { self.path = path }

  static let modelName = "model.safetensors"

  /// The weights as they are.
  public var model: String { "\(path)/\(Self.modelName)" }
  /// The weights with the lowest validation loss so far.
  public var best: String { "\(path)/best.safetensors" }
  /// What a run needs to go on: weights, moments, loop state.
  public var training: String { "\(path)/training.safetensors" }
  /// The settings, for people.
  public var configuration: String { "\(path)/configuration.json" }
  /// A line per record.
  public var log: String { "\(path)/log.jsonl" }

  /// Whether a run has begun here.
  public var holdsRun: Bool {
    [model, best, training, configuration, log].contains {
      FileManager.default.fileExists(atPath: $0)
    }
  }

  /// Puts a model into a directory that holds no run.
  ///
  /// - Parameter model: What `lmn train` would leave as ``model``.
  /// - Throws: ``TrainingError/occupied(directory:)``, `FileError`.
  public func begin(with model: LanguageModel) throws {
    guard !holdsRun else { throw TrainingError.occupied(directory: path) }
    try create()
    try model.write(to: self.model)
  }

  /// Makes the directory, and those above it, where they are missing.
  func create() throws(FileError) {
    let ends = path.indices.filter { path[$0] == "/" && $0 != path.startIndex } + [path.endIndex]
    for directory in ends.map({ String(path[..<$0]) }) {
      guard mkdir(directory, 0o777) == 0 || errno == EEXIST else {
        throw FileError(operation: "create", path: directory, code: errno)
      }
    }
  }
}
