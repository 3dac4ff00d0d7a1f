import Foundation
import LMN
import LMNTestSupport
import Testing

/// Expects a command to fail with an exit code and a one-line error that contains `sentence`, and
/// to leave files unchanged.
func expectRefusal(
  _ arguments: [String], in directory: String, status: Int32 = 2, input: String = "",
  wrapper: [String] = [], _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let before = try files(in: directory)
  let result = try Command(arguments, in: directory, input: input, wrapper: wrapper).finish()
  #expect(result.status == status && !result.wasKilled, sourceLocation: sourceLocation)
  #expect(result.output.isEmpty, sourceLocation: sourceLocation)
  let lines = result.errors.split(separator: "\n", omittingEmptySubsequences: false)
  #expect(
    lines.count == 2 && lines[0].hasPrefix("Error: ") && lines[1].isEmpty,
    "\(result.errors) is not one sentence", sourceLocation: sourceLocation)
  #expect(
    result.errors.contains(sentence), "\(result.errors) does not say: \(sentence)",
    sourceLocation: sourceLocation)
  #expect(try files(in: directory) == before, sourceLocation: sourceLocation)
}

extension Command {
  /// Commands on the small files.
  static let train = ["train", "--output", "run"] + smallFlags
  static let generate = ["generate", "--model", "model.safetensors"]
  static let evaluate = ["evaluate", "--model", "model.safetensors"]
}
