/// A file that a command is about to write.
public struct OutputFile: Sendable {
  /// Kind of its content, for errors.
  public let kind: String
  private let path: String

  /// The output at `path`, which may be missing.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - kind: Kind of the content, such as `state of a session`.
  public init(_ path: String, kind: String) { (self.path, self.kind) = (path, kind) }

  /// Throws if the output is a file that is read in the same call, under whatever name.
  ///
  /// - Parameter inputs: Paths of the files that are read.
  /// - Throws: ``OutputError/isInput(output:input:)``.
  public func expectNone(of inputs: [String]) throws(OutputError) {
    guard let own = FileIdentity(path) else { return }
    for input in inputs where FileIdentity(input) == own {
      throw .isInput(output: path, input: input)
    }
  }

  /// Throws if the output is a file with other content.
  ///
  /// - Parameter isOwnKind: Whether a file that exists has content of the output's kind.
  /// - Throws: ``OutputError/isOccupied(output:kind:)``.
  public func expectReplaceable(_ isOwnKind: (_ path: String) -> Bool) throws(OutputError) {
    // Anything but a regular file is refused, or written to, by the write itself.
    guard let own = FileIdentity(path), own.isRegular, !isOwnKind(path) else { return }
    throw .isOccupied(output: path, kind: kind)
  }

}

/// An output that would destroy a file.
public enum OutputError: Error, Equatable, CustomStringConvertible {
  /// The output is a file that is read in the same call.
  case isInput(output: String, input: String)
  /// The output is a file with content of another kind.
  case isOccupied(output: String, kind: String)

  /// A sentence with the paths.
  public var description: String {
    switch self {
    case .isInput(let output, let input):
      output == input
        ? "\(output) is read by this command, so it cannot be its output"
        : "\(output) is the file \(input), which this command reads, so it cannot be its output"
    case .isOccupied(let output, let kind):
      "\(output) exists and is no \(kind)"
    }
  }
}
