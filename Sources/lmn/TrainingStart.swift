import Foundation
import LMN

/// State that `lmn train` begins with: a saved run, a model, or neither.
struct TrainingStart {
  let directory: RunDirectory
  /// The run to resume.
  let saved: SavedRun?
  /// The model of `--from`.
  let model: AnyModel?
  /// Training and validation file as given, or as the saved run names them; nil for the built-in
  /// grammar and for a part of the training data.
  let file, validation: String?
  /// Whether the files are those that the saved run names, not given ones.
  private let isRecorded: (file: Bool, validation: Bool)

  /// Reads the model of `--from` and the header of the saved run.
  init(_ command: Train, in directory: RunDirectory) throws {
    self.directory = directory
    saved = command.resume ? try SavedRun(in: directory) : nil
    model = try command.from.from.map {
      try AnyModel(contentsOf: $0, weights: command.from.weights.weights)
    }
    let recorded = saved?.dataFiles
    file = command.file ?? recorded?.training
    validation = command.validation ?? recorded?.validation
    isRecorded = (command.file == nil, command.validation == nil)
    for (path, isRecorded, way) in [
      (file, isRecorded.file, "as FILE or -"),
      (validation, isRecorded.validation, "by --validation"),
    ] where path == "-" && isRecorded {
      throw UnusableInput(
        "the run in \(directory.path) was begun with data from standard input; give them again \(way)"
      )
    }
  }

  /// Files for the checkpoint, with absolute paths; a file that is standard input now keeps the name
  /// that it had.
  func dataFiles() throws -> DataFiles {
    let before = saved?.dataFiles
    func absolute(_ path: String?, before: String?) throws -> String? {
      guard let path, path != "-" else { return before ?? path }
      return path.hasPrefix("/") ? path : "\(try FileName.currentDirectory())/\(path)"
    }
    return try DataFiles(
      training: absolute(file, before: before?.training),
      validation: absolute(validation, before: before?.validation))
  }

  /// Files that the command reads.
  var inputs: [String] { [file, validation].compactMap(\.self).map(\.inputPath) }

  /// Contents of the training file, which is not the built-in grammar; with `isText` without a
  /// byte-order mark, which in a table tells the encoding.
  func contents(isText: Bool = false) throws -> [UInt8] {
    try contents(of: file!, isText: isText, isRecorded: isRecorded.file)
  }

  /// Contents of the validation file; nil without one.
  func validationContents(isText: Bool = false) throws -> [UInt8]? {
    try validation.map {
      try contents(of: $0, isText: isText, isRecorded: isRecorded.validation)
    }
  }

  private func contents(of path: String, isText: Bool, isRecorded: Bool) throws -> [UInt8] {
    let path = path.inputPath
    do {
      return try isText ? AtomicFile.text(of: path) : AtomicFile.contents(of: path)
    } catch {
      guard isRecorded else { throw error }
      throw UnusableInput(
        "\(error); the run in \(directory.path) was begun with this file, which may be given by "
          + "another name")
    }
  }

  /// The task of the saved run or of the model; nil for a new run without a model.
  var task: TaskKind? { saved?.task ?? model?.task }

  /// Whether the saved run or the model is a Memformer; nil for a new run without a model.
  var isMemformer: Bool? {
    if let saved { return saved.holdsMemformer }
    return model.map { if case .memformer = $0 { true } else { false } }
  }
}
