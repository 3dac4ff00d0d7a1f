import Foundation
import LMN
import LMNTestSupport
import Testing

/// A process of the built `lmn`.
final class Command {
  private let process = Process()
  private let (input, output, errors) = (Pipe(), Pipe(), Pipe())

  /// Result of an ended process.
  struct Result {
    /// The exit code, or the number of the signal that ended it.
    let status: Int32
    let wasKilled: Bool
    /// All of standard output and standard error.
    let output, errors: String

    /// Standard output as a JSON object.
    func json() throws -> [String: Any] {
      let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(object as? [String: Any])
    }
  }

  /// Starts `lmn`.
  ///
  /// - Parameters:
  ///   - arguments: Arguments of the command.
  ///   - executable: Path of `lmn` as the wrapper finds it.
  ///   - directory: Working directory.
  ///   - environment: Variables beside those of this process.
  ///   - text: Standard input, at most the capacity of a pipe.
  ///   - wrapper: A command that starts another, such as `nice`.
  /// - Throws: Errors of starting the process.
  init(
    _ arguments: [String], executable: String? = nil, in directory: String,
    environment: [String: String] = [:], input text: String = "", wrapper: [String] = []
  ) throws {
    let words = wrapper + [try executable ?? Self.executable] + arguments
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    // One thread per process, because tests run in parallel.
    process.environment = ProcessInfo.processInfo.environment
      .merging(["OMP_NUM_THREADS": "1"]) { $1 }.merging(environment) { $1 }
    (process.standardInput, process.standardOutput) = (input, output)
    process.standardError = errors
    try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    try input.fileHandleForWriting.close()
    try process.run()
  }

  /// Runs `lmn` to its end.
  static func run(
    _ arguments: String..., in directory: String = "/tmp", environment: [String: String] = [:],
    input: String = "", wrapper: [String] = []
  ) throws -> Result {
    try Command(
      arguments, in: directory, environment: environment, input: input, wrapper: wrapper
    ).finish()
  }

  /// Waits for a line on standard error that begins with `prefix`; later output is read by
  /// ``finish()``.
  func waitForLine(_ prefix: String) throws {
    #if os(Linux)
      // The command blocks on a full pipe, so it cannot end before it is interrupted.
      let setPipeSize: Int32 = 1031
      #expect(fcntl(errors.fileHandleForReading.fileDescriptor, setPipeSize, 4096) >= 4096)
    #endif
    while !received.split(separator: "\n").contains(where: { $0.hasPrefix(prefix) }) {
      let data = errors.fileHandleForReading.availableData
      if data.isEmpty { throw MissingLine(received: received) }
      received += String(decoding: data, as: UTF8.self)
    }
  }

  private var received = ""

  /// The command ended without the expected line.
  private struct MissingLine: Error { let received: String }

  /// Sends a signal.
  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for the end of the process.
  func finish() throws -> Result {
    // Read at the same time, because the command blocks on a full pipe.
    let reading = Reading(output.fileHandleForReading)
    let errors = try errors.fileHandleForReading.readToEnd() ?? Data()
    let output = try reading.finish()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus,
      wasKilled: process.terminationReason == .uncaughtSignal,
      output: String(decoding: output, as: UTF8.self),
      errors: received + String(decoding: errors, as: UTF8.self))
  }

  /// Reading of a file to its end, on a thread of its own.
  private final class Reading: @unchecked Sendable {
    private var result: Swift.Result<Data?, any Error> = .success(nil)
    private let end = DispatchSemaphore(value: 0)

    init(_ file: FileHandle) {
      Thread.detachNewThread { [self] in
        result = Swift.Result { try file.readToEnd() }
        end.signal()
      }
    }

    /// Waits for the end of the file.
    func finish() throws -> Data {
      end.wait()
      return try result.get() ?? Data()
    }
  }

  /// Path of the command: `LMN_COMMAND`, or the one that SwiftPM builds next to the tests.
  static var executable: String {
    get throws {
      if let path = ProcessInfo.processInfo.environment["LMN_COMMAND"] {
        return URL(fileURLWithPath: path).path
      }
      final class Marker {}
      let tests = [Bundle.main.bundleURL, Bundle(for: Marker.self).bundleURL]
      let places = tests + tests.map { $0.deletingLastPathComponent() }
      return try #require(
        places.map { $0.appendingPathComponent("lmn").path }.first {
          var isDirectory: ObjCBool = false
          return FileManager.default.fileExists(atPath: $0, isDirectory: &isDirectory)
            && !isDirectory.boolValue && FileManager.default.isExecutableFile(atPath: $0)
        }, "there is no lmn beside \(tests.map(\.path))")
    }
  }
}

// MARK: - Files for the commands

/// A training text for small models.
let smallText = String(
  repeating: "the cat sat on the mat.\nthe dog ate the cat's hat.\n", count: 20)

/// Flags for a small network and few steps, fast even without optimization.
let smallFlags = [
  "--width", "8", "--heads", "2", "--layers", "1", "--banks", "1", "--feed-forward", "1",
  "--block-length", "16", "--batch-size", "1", "--evaluation-batches", "1", "--threads", "1",
]

/// Names of the files in the directory of a run.
let runFiles = [
  "best.safetensors", "configuration.json", "log.jsonl", "model.safetensors",
  "training.safetensors",
]

/// Writes a text file.
func write(_ text: String, to path: String) throws {
  try AtomicFile.write(Array(text.utf8), to: path)
}

/// Writes a model with new parameters and the characters of ``smallText``.
func writeSmallModel(
  to path: String, tokenizer: Tokenizer? = nil, seed: UInt64 = 1,
  configure: (inout Configuration) -> Void = { _ in }
) throws {
  let tokenizer = try tokenizer ?? .characters(Vocabulary(of: Array(smallText.utf8)))
  var configuration = Configuration(vocabularySize: tokenizer.vocabularySize)
  (configuration.width, configuration.logarithmic.heads, configuration.layers) = (8, 2, 2)
  configure(&configuration)
  var source = ParameterSource(seed: seed, initialisation: .normal)
  let network = try LanguageNetwork(configuration, using: &source)
  try LanguageModel(network: network, tokenizer: tokenizer).write(to: path)
}

/// Runs `body` in a directory with `text.txt` and `model.safetensors`.
func withSmallFiles(_ body: (String) throws -> Void) throws {
  try withTemporaryDirectory { directory in
    try write(smallText, to: directory + "/text.txt")
    try writeSmallModel(to: directory + "/model.safetensors")
    try body(directory)
  }
}
