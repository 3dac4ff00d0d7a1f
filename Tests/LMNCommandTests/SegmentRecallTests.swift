import Foundation
import LMNTestSupport
import Testing

@Suite struct SegmentRecallTests {
  private static let small =
    ["experiment", "segments", "--pairs", "2", "--values", "3", "--segments", "3"]
    + ["--test-segments", "4,5", "--steps", "2", "--batch-size", "2", "--test-examples", "3"]
    + ["--threads", "1"]

  private func run(_ arguments: [String]) throws -> Command.Result {
    try Command(arguments, in: "/tmp").finish()
  }

  /// The segments of the default memory are those of the task.
  @Test func armsAreReported() throws {
    let result = try run(
      Self.small + ["--arms", "memory,without", "--seeds", "5,6", "--no-forgetting", "--json"])
    #expect(result.status == 0)
    let report = try result.json()
    #expect(report["chance"] as? Double == 1.0 / 3)
    let settings = try #require(report["settings"] as? [String: Any])
    #expect(settings["segments"] as? Int == 3 && settings["test_segments"] as? [Int] == [4, 5])
    let model = try #require(settings["model"] as? [String: Any])
    #expect(model["width"] as? Int == 32 && model["layers"] as? Int == 2)
    let memory = try #require(model["memory"] as? [String: Any])
    #expect(memory["slots"] as? Int == 8 && memory["segment"] as? Int == 4)
    #expect(memory["forgetting"] as? Bool == false)
    let runs = try #require(report["runs"] as? [[String: Any]])
    #expect(runs.map { $0["arm"] as? String } == ["memory", "memory", "without", "without"])
    #expect(runs.map { $0["seed"] as? Int } == [5, 6, 5, 6])
    #expect(result.errors.contains("memory  seed 5  step 2/2  loss "))
  }

  @Test func otherMemoriesAreTrained() throws {
    let result = try run(Self.small + ["--memory", "logarithmic", "--seeds", "1"])
    #expect(result.status == 0)
    // Two blocks, a tree of 12 tokens: a token and three levels of two banks.
    #expect(result.output.contains("\(2 * (1 + 3 * 2) * 32 * 4) bytes of state"))
    #expect(result.output.contains("T = 3    T = 4    T = 5"))
    #expect(result.output.contains("\nwithout"))
  }

  @Test(arguments: [
    (["--pairs", "0"], "pairs is 0, it has to be 1 to 65536"),
    (["--fillers", "0"], "fillers is 0, it has to be 1 to 65536"),
    (["--segments", "1"], "segments is 1, it has to be 2 to 65536"),
    (["--test-segments", "1"], "--test-segments is 1, it has to be 2 to 65536"),
    (["--evaluate-every", "0"], "--evaluate-every is 0, it has to be 1 to 16777216"),
    (["--learning-rate", "0"], "--learning-rate is 0.0, it has to be above 0"),
    (["--arms", "memory,all"], "memory,all"),
    (["--segment", "0"], "segment is 0, it has to be from 1 to"),
    (["--memories", "3"], "--memories has no meaning without a memory of the kind"),
  ])
  func wrongUsageIsRefused(arguments: [String], sentence: String) throws {
    let result = try run(["experiment", "segments"] + arguments)
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors.contains(sentence), "\(result.errors)")
  }
}
