import LMN
import LMNTestSupport
import Testing

@Suite struct BenchmarkTests {
  private static let works = ["training", "evaluation", "one_stream", "64_streams"]

  /// How fast anything is depends on what else the machine does: any positive number will do.
  @Test func reportIsJSON() throws {
    let result = try Command.run("benchmark", "--iterations", "1", "--threads", "1", "--json")
    #expect(result.status == 0 && result.errors.isEmpty)
    let report = try result.json()
    #expect(
      Set(report.keys)
        == Set(Self.works + ["instruction_set", "parameters", "threads", "training_memory_bytes"]))
    #expect(report["instruction_set"] as? String == InstructionSet.selected?.name)
    #expect(report["parameters"] as? Int == 71_489)
    #expect(report["threads"] as? Int == 1)
    #expect(try #require(report["training_memory_bytes"] as? Int) > 71_489 * 4 * 4)
    for work in Self.works {
      let speed = try #require(report[work] as? [String: Double])
      #expect(Set(speed.keys) == ["seconds", "tokens_per_second"])
      #expect(speed.values.allSatisfy { $0 > 0 && $0.isFinite })
    }
  }

  @Test func reportIsATable() throws {
    let result = try Command.run("benchmark", "--iterations", "1")
    #expect(result.status == 0 && result.errors.isEmpty)
    for label in [
      "instruction set", "threads", "parameters", "training step", "training memory",
      "evaluation step", "token, one stream", "token, 64 streams",
    ] {
      #expect(result.output.contains("\(label)  "))
    }
  }

  @Test(arguments: ["0", "-1"])
  func uselessIterationsAreRefused(count: String) throws {
    let result = try Command.run("benchmark", "--iterations", count)
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors.contains("--iterations is \(count), it has to be 1 or more."))
  }
}
