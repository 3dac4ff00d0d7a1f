/// Task, kind of model and data files of a saved run, from the header of its checkpoint.
public struct SavedRun: Sendable {
  /// The task.
  public let task: TaskKind
  /// Whether the model is a Memformer.
  public let holdsMemformer: Bool
  /// Data files; nil in checkpoints of earlier versions.
  public let dataFiles: DataFiles?

  /// Reads the header of the checkpoint in a directory.
  ///
  /// - Parameter directory: Directory of the run.
  /// - Throws: `SafetensorsError` or ``CheckpointError``, which name the file.
  public init(in directory: RunDirectory) throws {
    let path = directory.training
    let header = Safetensors(metadata: try Safetensors.metadata(ofFile: path))
    let model = try ModelFile(header, path: path)
    task = model.task
    holdsMemformer = try model.holdsMemformer
    dataFiles = try DataFiles(in: header, path: path)
  }
}

/// Files with the data of a run.
///
/// A checkpoint names them, so that a resume reads the same ones.
public struct DataFiles: Sendable, Codable, Equatable {
  /// Absolute path of the training file, `-` for standard input; nil for the built-in grammar.
  public var training: String?
  /// Absolute path of the validation file, `-` for standard input; nil for a part of the training
  /// data.
  public var validation: String?

  /// Files with these paths.
  public init(training: String?, validation: String? = nil) {
    (self.training, self.validation) = (training, validation)
  }

  /// Key of the metadata.
  private static let key = "data_files"

  /// The files that a checkpoint names; nil in those of earlier versions.
  init?(in file: Safetensors, path: String) throws {
    guard file.metadata[Self.key] != nil else { return nil }
    self = try file.decoded(Self.key, path: path)
  }

  /// Adds the files to a checkpoint.
  func write(to file: inout Safetensors) throws { file.metadata[Self.key] = try sortedJSON(self) }
}
