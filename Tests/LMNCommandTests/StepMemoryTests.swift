import Foundation
import LMNTestSupport
import Testing

/// Predicted memory of training steps.
@Suite struct StepMemoryTests {
  private static let sizes = ["--width", "32", "--threads", "1"]

  private static let layers = ["--layers", "2"]

  /// Bytes that `lmn info` predicts for a step.
  private func predicted(_ flags: [String]) throws -> Int {
    let result = try Command(
      ["info", "--json", "--train"] + Self.sizes + flags, in: "/tmp"
    ).finish()
    #expect(result.status == 0, "\(result.errors)")
    let report = try result.json()
    return try #require(report["step_bytes"] as? Int)
  }

  /// Peak memory of a process that took a step.
  private func measured(_ flags: [String], in directory: String) throws -> Int {
    let result = try Command(
      ["train", "--output", "\(UUID().uuidString)", "--steps", "2", "--log-every", "1"]
        + ["--evaluation-batches", "1"] + Self.sizes + flags, in: directory
    ).finish()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("a step takes "))
    let run = try #require(names(in: directory).first)
    let log = try String(contentsOfFile: "\(directory)/\(run)/log.jsonl", encoding: .utf8)
    try FileManager.default.removeItem(atPath: "\(directory)/\(run)")
    let record = try JSONSerialization.jsonObject(
      with: Data(try #require(log.split(separator: "\n").first).utf8))
    return try #require((record as? [String: Any])?["peak_memory_bytes"] as? Int)
  }

  /// Steps that differ by 26 to 180 MB from a smaller one, whose process has the memory of the
  /// program and of the data.
  ///
  /// The smaller one takes more than start-up has freed again: a step within that memory raises no
  /// peak.
  @Test(arguments: [
    layers, layers + ["--recompute"], layers + ["--carry", "--horizon", "3", "--replay"],
    layers + ["--carry", "--horizon", "3", "--replay", "--recompute"],
    layers + ["--memory", "mixtureOfMemories", "--carry", "--horizon", "2"],
    ["--model", "memformer", "--recompute"],
  ])
  func isThatOfTheProcess(flags: [String]) throws {
    let (small, large) = (
      ["--batch-size", "1", "--block-length", "1000"] + flags,
      ["--batch-size", "2", "--block-length", "6000"] + flags
    )
    try withTemporaryDirectory { directory in
      let found = try measured(large, in: directory) - measured(small, in: directory)
      let expected = try predicted(large) - predicted(small)
      #expect(abs(expected - found) < found / 10, "predicted \(expected), measured \(found)")
    }
  }

  /// The arguments are those of `lmn train`, with its errors; nothing is written.
  @Test func followsTheFlagsOfTraining() throws {
    try withTemporaryDirectory { directory in
      let flags = ["--batch-size", "3", "--block-length", "32"]
      let info = try Command(["info", "--train"] + flags, in: directory).finish()
      #expect(info.status == 0 && info.output.contains("\ntraining step    "))
      #expect(names(in: directory).isEmpty)
      let bad = try Command(["info", "--train", "--batch-size", "0"], in: directory).finish()
      #expect(bad.status == 64 && bad.errors.contains("--batch-size is 0"))
      let file = try Command(["info", "--train", "missing.txt"], in: directory).finish()
      #expect(file.status == 2 && file.errors.contains("missing.txt"))
    }
  }
}
