import LMN
import Testing

@Suite struct WorkloadTests {
  private static let network: LogarithmicMemoryNetwork = {
    var configuration = Configuration(vocabularySize: 5)
    (configuration.width, configuration.heads, configuration.layers) = (8, 2, 1)
    var generator = SeededGenerator(seed: 1)
    return try! LogarithmicMemoryNetwork(configuration, using: &generator)
  }()

  private func expect(_ workload: Workload, takes tokens: Int) {
    #expect(workload.tokens == tokens)
    for _ in 0..<3 { #expect(workload.run() > 0) }
  }

  @Test func batchesCanBeRepeated() {
    expect(.trainingStep(of: Self.network, batch: 2, length: 16), takes: 32)
    expect(.evaluation(of: Self.network, batch: 3, length: 16), takes: 48)
  }

  /// From the beginning, where there is no state; by streams that soon begin anew; with many nodes.
  @Test(arguments: [(1, 0..<64), (3, 100..<200), (1, 1 << 30..<1 << 31)])
  func decodingCanBeRepeated(streams: Int, positions: Range<Int>) {
    expect(
      .decoding(by: Self.network, streams: streams, positions: positions), takes: streams * 64)
  }
}

@Suite struct TimingTests {
  /// A run's seconds as they are asked for, and how often they were.
  private func timing(_ seconds: [Double], within limit: Double) -> (Timing, runs: Int) {
    var runs = 0
    let timing = Timing(iterations: seconds.count, within: limit) {
      runs += 1
      return seconds[runs - 1]
    }
    return (timing, runs)
  }

  @Test func medianAndMinimum() {
    let (timing, runs) = timing([5, 1, 4, 2, 3], within: .infinity)
    #expect(runs == 5)
    #expect(timing.seconds == [1, 2, 3, 4, 5])
    #expect(timing.median == 3 && timing.minimum == 1)
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 3), (9, 3)])
  func slowRunsAreThree(iterations: Int, expected: Int) {
    let (_, runs) = timing(.init(repeating: 1, count: iterations), within: 0)
    #expect(runs == expected)
  }
}
