/// Why a directory or file holds no checkpoint that can be used.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  /// A file is readable but does not say what it has to.
  case unusable(file: String, problem: String)
  /// The configuration asks for another number of parameters than there are.
  case mismatchedParameterCount(expected: Int, found: Int)

  /// A sentence that names file and problem.
  public var description: String {
    switch self {
    case .unusable(let file, let problem):
      "\(file): \(problem)"
    case .mismatchedParameterCount(let expected, let found):
      "the configuration asks for \(expected) parameters, there are \(found)"
    }
  }
}
