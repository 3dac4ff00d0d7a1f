import Foundation
import LMNTestSupport
import Testing

@Suite struct PairedRecallTests {
  private static let small =
    ["experiment", "paired", "--pairs", "8", "--keys", "10", "--values", "6"]
    + ["--steps", "8", "--batch-size", "2", "--test-examples", "3", "--threads", "1"]

  private func run(_ arguments: [String]) throws -> Command.Result {
    try Command(arguments, in: "/tmp").finish()
  }

  @Test func mixturesAreReported() throws {
    let memory = [
      "--width", "8", "--memory", "mixtureOfMemories", "--rule", "linear", "--heads", "1",
      "--key-width", "2",
      "--value-width", "4", "--convolution", "0", "--memories", "3", "--top-k", "2",
    ]
    let result = try run(
      Self.small + memory + ["--seeds", "5,6", "--learning-rate", "0.01", "--json"])
    #expect(result.status == 0)
    let report = try result.json()
    #expect(report["state_bytes"] as? Int == 4 * 4 * 2 * 4)
    #expect(report["chance"] as? Double == 1.0 / 6)
    let settings = try #require(report["settings"] as? [String: Any])
    #expect(settings["learning_rate"] as? Double == 0.01 && settings["batch_size"] as? Int == 2)
    let task = try #require(report["task"] as? [String: Int])
    #expect(task == ["pairs": 8, "keys": 10, "values": 6])
    let runs = try #require(report["runs"] as? [[String: Any]])
    #expect(runs.map { $0["seed"] as? Int } == [5, 6])
    for run in runs {
      let routers = try #require(run["routers"] as? [[String: Any]])
      #expect(routers.count == 1 && (routers[0]["load"] as? [Double])?.count == 3)
    }
    #expect(result.errors.contains("seed 6  step 8/8  8 pairs  loss "))
  }

  /// Defaults of the network differ from those of other commands; widths of heads follow them.
  @Test func networksHaveTheirDefaults() throws {
    let report = try run(Self.small + ["--memory", "linear", "--seeds", "0", "--json"]).json()
    let settings = try #require(report["settings"] as? [String: Any])
    let model = try #require(settings["model"] as? [String: Any])
    #expect(model["width"] as? Int == 64 && model["layers"] as? Int == 1)
    #expect(model["feedForward"] as? Int == 2)
    let memory = try #require(model["memory"] as? [String: Any])
    #expect(memory["keyWidth"] as? Int == 16 && memory["valueWidth"] as? Int == 16)
  }

  @Test func tablesAreForPeople() throws {
    let result = try run(Self.small + ["--width", "8", "--heads", "2", "--seeds", "1"])
    #expect(result.status == 0)
    #expect(result.output.contains("bytes of state; {") && result.output.contains("\n  mean"))
  }

  @Test(arguments: [
    (["--pairs", "0"], "pairs is 0, it has to be 1 to the number of keys, 128"),
    (["--pairs", "129"], "pairs is 129, it has to be 1 to the number of keys, 128"),
    (["--keys", "-1"], "keys is -1, it has to be 1 to 65536"),
    (["--values", "0"], "values is 0, it has to be 1 to 65536"),
    (["--steps", "0"], "steps is 0, it has to be 1 to 16777216"),
    (["--batch-size", "0"], "--batch-size is 0, it has to be 1 to 16777216"),
    (["--test-examples", "0"], "--test-examples is 0, it has to be 1 to 16777216"),
    (["--learning-rate", "0"], "--learning-rate is 0.0, it has to be above 0"),
    (["--seeds", "1,x"], "1,x"),
    (["--memory", "linear", "--heads", "0"], "heads is 0, it has to be from 1 to"),
    (["--memories", "3"], "--memories has no meaning without a memory of the kind"),
    (["--tied-head"], "--tied-head is true"),
  ])
  func wrongUsageIsRefused(arguments: [String], sentence: String) throws {
    let result = try run(["experiment", "paired"] + arguments)
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors.contains(sentence), "\(result.errors)")
  }
}
