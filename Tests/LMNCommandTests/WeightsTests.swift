import Foundation
import LMN
import LMNTestSupport
import Testing

/// Weights of a run's directory: the best, unless `--weights last` is given.
@Suite struct WeightsTests {
  /// Runs `body` in a directory with a run whose best and last models differ.
  private func withRun(_ body: (String) throws -> Void) throws {
    try withSmallFiles { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/run", withIntermediateDirectories: false)
      try writeSmallModel(to: directory + "/run/best.safetensors", seed: 2)
      try writeSmallModel(to: directory + "/run/model.safetensors", seed: 3) {
        ($0.logarithmic.window, $0.logarithmic.windowBias) = (2, true)
      }
      try body(directory)
    }
  }

  @Test(arguments: [
    ["generate", "--prompt", "the ", "--tokens", "40", "--model"],
    ["evaluate", "text.txt", "--model"],
    ["info", "--model"],
  ])
  func areTheBest(arguments: [String]) throws {
    try withRun { directory in
      func output(_ flags: String...) throws -> String {
        let result = try Command(arguments + flags, in: directory).finish()
        #expect(result.status == 0, "\(result.errors)")
        return result.output
      }
      let best = try output("run/best.safetensors")
      let last = try output("run/model.safetensors")
      #expect(best != last)
      #expect(try output("run") == best)
      #expect(try output("run", "--weights", "best") == best)
      #expect(try output("run", "--weights", "last") == last)
      // A directory without a best model, as one of `lmn convert`.
      try FileManager.default.removeItem(atPath: directory + "/run/best.safetensors")
      #expect(try output("run") == last)
      #expect(try output("run", "--weights", "last") == last)
    }
  }

  @Test func areTheBestInPyTorchToo() throws {
    try withRun { directory in
      func converted(_ model: String, _ flags: String...) throws -> [UInt8] {
        let result = try Command(
          ["convert", "--to-pytorch", model, "--output", "out"] + flags, in: directory
        ).finish()
        #expect(result.status == 0, "\(result.errors)")
        defer { try? FileManager.default.removeItem(atPath: directory + "/out") }
        return try AtomicFile.contents(of: directory + "/out")
      }
      try writeSmallModel(to: directory + "/run/model.safetensors", seed: 3)
      let (best, last) = (
        try converted("run/best.safetensors"), try converted("run/model.safetensors")
      )
      #expect(best != last)
      #expect(try converted("run") == best)
      #expect(try converted("run", "--weights", "last") == last)
    }
  }

  @Test func areTheBestInPredictionsToo() throws {
    try withTables { directory in
      #expect(try trainClassifier(in: directory).status == 0)
      try FileManager.default.moveItem(atPath: directory + "/c", toPath: directory + "/first")
      #expect(try trainClassifier("--seed", "7", in: directory).status == 0)
      try FileManager.default.removeItem(atPath: directory + "/c/best.safetensors")
      try FileManager.default.copyItem(
        atPath: directory + "/first/model.safetensors",
        toPath: directory + "/c/best.safetensors")
      func predicted(_ model: String, _ flags: String...) throws -> String {
        let result = try Command(
          ["predict", "words.csv", "--model", model] + flags, in: directory
        ).finish()
        #expect(result.status == 0, "\(result.errors)")
        return result.output
      }
      #expect(try predicted("c") == predicted("first/model.safetensors"))
      #expect(try predicted("c", "--weights", "last") == predicted("c/model.safetensors"))
      #expect(try predicted("c") != predicted("c", "--weights", "last"))
    }
  }

  @Test func withoutAChoiceAreRefused() throws {
    try withRun { directory in
      let generate = ["generate", "--prompt", "a", "--weights"]
      try expectRefusal(
        generate + ["last", "--model", "model.safetensors"], in: directory,
        "model.safetensors: it is no directory of a run, so there is no choice of 'last' weights")
      try FileManager.default.removeItem(atPath: directory + "/run/best.safetensors")
      try expectRefusal(
        generate + ["best", "--model", "run"], in: directory, "cannot open run/best.safetensors")
      try expectRefusal(
        generate + ["first", "--model", "run"], in: directory, status: 64,
        "The value 'first' is invalid for '--weights")
      try expectRefusal(
        ["info", "--weights", "last"], in: directory, status: 64,
        "--weights has no meaning without --model")
      try expectRefusal(
        ["convert", "model.safetensors", "--output", "out", "--weights", "last"], in: directory,
        status: 64, "--weights needs --to-pytorch")
    }
  }

  /// The best weights are an input of `generate` now.
  @Test func areNotReplacedByAState() throws {
    try withRun { directory in
      try expectRefusal(
        [
          "generate", "--model", "run", "--prompt", "a", "--overwrite", "--save-state",
          "run/best.safetensors",
        ], in: directory, "run/best.safetensors is read by this command")
    }
  }
}
