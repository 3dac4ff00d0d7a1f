import LMN
import LMNTestSupport
import Testing

@Suite struct BenchmarkTests {
  /// Name, tokens per step, and passes over the network of each workload.
  private static let works = [
    ("training", 8192.0, 3.0), ("evaluation", 8192, 1), ("one_stream", 1, 1), ("64_streams", 64, 1),
  ]

  /// Speeds are above 0 and below a bound beyond the peak of any core.
  @Test func reportIsJSON() throws {
    let result = try Command.run("benchmark", "--iterations", "1", "--threads", "1", "--json")
    #expect(result.status == 0 && result.errors.isEmpty)
    let report = try result.json()
    #expect(
      Set(report.keys)
        == Set(
          Self.works.map(\.0) + [
            "instruction_set", "parameters", "threads", "training_memory_bytes",
          ]))
    #expect(report["instruction_set"] as? String == InstructionSet.selected?.name)
    #expect(report["parameters"] as? Int == 71_489)
    #expect(report["threads"] as? Int == 1)
    #expect(try #require(report["training_memory_bytes"] as? Int) > 71_489 * 4 * 4)
    for (work, tokens, passes) in Self.works {
      let speed = try #require(report[work] as? [String: Double])
      #expect(Set(speed.keys) == ["seconds", "tokens_per_second"])
      let (seconds, pace) = (speed["seconds"]!, speed["tokens_per_second"]!)
      #expect(abs(seconds * pace / tokens - 1) < 1e-9)
      // A multiplication and an addition per parameter, token and pass.
      #expect(2 * 71_489 * passes * pace < 1e13, "\(work)")
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
