import Foundation
import LMN
import LMNTestSupport
import Testing

/// `lmn train --model memformer`, and the commands that use its models.
@Suite struct MemformerCommandTests {
  @Test func trainedMemformersCanBeUsed() throws {
    try withSmallFiles { directory in
      let flags = [
        "train", "text.txt", "--model", "memformer", "--width", "8", "--heads", "2", "--slots", "3",
        "--segment", "8", "--encoder-layers", "1", "--decoder-layers", "1", "--block-length", "16",
        "--batch-size", "2", "--carry", "--horizon", "2", "--replay", "--evaluation-batches", "1",
        "--output", "run",
      ]
      func run(_ arguments: [String]) throws -> Command.Result {
        let result = try Command(arguments, in: directory).finish()
        #expect(result.status == 0, "\(result.errors)")
        return result
      }
      let trained = try run(flags + ["--steps", "4"])
      #expect(trained.output.unicodeScalars.count == 401)
      _ = try run(["train", "text.txt", "--resume", "--output", "run", "--steps", "6"])
      try expectRefusal(
        ["train", "text.txt", "--resume", "--output", "run", "--steps", "8", "--slots", "4"],
        in: directory, status: 2, "--slots is 4, but the run to continue has 3")
      try expectRefusal(
        ["train", "text.txt", "--resume", "--output", "run", "--steps", "8", "--model", "network"],
        in: directory, status: 2, "--model is network, but the run to continue has memformer")

      let whole = try run(["generate", "--model", "run", "--prompt", "the ", "--tokens", "30"])
      let first = try run([
        "generate", "--model", "run", "--prompt", "the ", "--tokens", "13", "--save-state", "state",
      ])
      let second = try run([
        "generate", "--model", "run", "--tokens", "17", "--load-state", "state",
      ])
      #expect(first.output + second.output == whole.output)

      let report = try run(["evaluate", "--model", "run", "text.txt", "--json"]).json()
      #expect(Set(report.keys) == ["streaming", "blocks"])
      let info = try run(["info", "--model", "run", "--json"]).json()
      let model = try #require(info["model"] as? [String: Any])
      #expect((model["configuration"] as? [String: Any])?["kind"] as? String == "memformer")
      try expectRefusal(
        ["predict", "--model", "run", "text.txt"], in: directory, status: 2, "its task is text")
    }
  }

  /// The printed configuration is taken by --config.
  @Test func configurationsArePrintedAndRead() throws {
    try withSmallFiles { directory in
      func printed(_ flags: String...) throws -> String {
        let result = try Command(
          ["train", "text.txt", "--model", "memformer", "--print-config"] + flags, in: directory
        ).finish()
        #expect(result.status == 0, "\(result.errors)")
        return result.output
      }
      let changed = try printed("--slots", "5", "--no-forgetting", "--temperature", "0.5")
      try write(changed, to: directory + "/configuration.json")
      #expect(try printed("--config", "configuration.json") == changed)
      try write("{\"layers\": 3}", to: directory + "/configuration.json")
      try expectRefusal(
        ["train", "text.txt", "--model", "memformer", "--config", "configuration.json"],
        in: directory, status: 2, "configuration.json: ")
    }
  }
}
