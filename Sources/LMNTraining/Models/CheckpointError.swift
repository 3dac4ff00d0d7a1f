import LMNKernels
import LMNLayers

extension Safetensors {
  /// The metadata under `key`, which is required.
  func metadata(_ key: String, path: String) throws(CheckpointError) -> String {
    guard let value = metadata[key] else {
      throw .unusable(file: path, problem: "it has no '\(key)' in its metadata")
    }
    return value
  }
}

/// The result of `body`; errors without a file name become errors of the file at `path`.
func naming<Result>(file path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as SafetensorsError {
    throw error
  } catch let error as CheckpointError {
    switch error {
    case .unusable, .anotherTask: throw error
    case .mismatchedParameterCount, .notFinite:
      throw CheckpointError.unusable(file: path, problem: error.description)
    }
  } catch {
    throw CheckpointError.unusable(file: path, problem: "\(error)")
  }
}

extension StateDictionary {
  /// Throws where a value is not finite.
  func expectFinite() throws(CheckpointError) {
    for (name, tensor) in zip(names, tensors) where !tensor.scalars.allSatisfy(\.isFinite) {
      throw .notFinite(tensor: name)
    }
  }
}

/// A directory or file without a usable checkpoint.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  /// The file is readable, but its content is missing or invalid.
  case unusable(file: String, problem: String)
  /// The model is for another task.
  case anotherTask(file: String, expected: TaskKind, found: TaskKind)
  /// A tensor has a value that is not finite.
  case notFinite(tensor: String)
  /// The configuration needs another number of parameters than there are.
  case mismatchedParameterCount(expected: Int, found: Int)

  /// A sentence with file and problem.
  public var description: String {
    switch self {
    case .unusable(let file, let problem):
      "\(file): \(problem)"
    case .anotherTask(let file, let expected, let found):
      "\(file): its task is \(found.rawValue), expected a model for the task \(expected.rawValue)"
    case .notFinite(let tensor):
      "the tensor \(tensor.quoted) has a value that is not finite"
    case .mismatchedParameterCount(let expected, let found):
      "the configuration needs \(expected) parameters, the file has \(found)"
    }
  }
}
