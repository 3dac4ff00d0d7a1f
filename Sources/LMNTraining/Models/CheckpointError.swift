extension Safetensors {
  /// The metadata under `key`, which a file of this kind has to have.
  func metadata(_ key: String, path: String) throws(CheckpointError) -> String {
    guard let value = metadata[key] else {
      throw .unusable(file: path, problem: "it has no '\(key)' in its metadata")
    }
    return value
  }
}

/// The result of `body`; an error that knows no file becomes one of the file at `path`.
func naming<Result>(file path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as SafetensorsError {
    throw error
  } catch let error as CheckpointError {
    guard case .mismatchedParameterCount = error else { throw error }
    throw CheckpointError.unusable(file: path, problem: error.description)
  } catch {
    throw CheckpointError.unusable(file: path, problem: "\(error)")
  }
}

/// Why a directory or file holds no checkpoint that can be used.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  /// A file is readable but does not say what it has to.
  case unusable(file: String, problem: String)
  /// A model is for another task than the one it is asked for.
  case anotherTask(file: String, expected: TaskKind, found: TaskKind)
  /// The configuration asks for another number of parameters than there are.
  case mismatchedParameterCount(expected: Int, found: Int)

  /// A sentence that names file and problem.
  public var description: String {
    switch self {
    case .unusable(let file, let problem):
      "\(file): \(problem)"
    case .anotherTask(let file, let expected, let found):
      "\(file): its task is \(found.rawValue), and only a model for the task \(expected.rawValue) will do"
    case .mismatchedParameterCount(let expected, let found):
      "the configuration asks for \(expected) parameters, there are \(found)"
    }
  }
}
