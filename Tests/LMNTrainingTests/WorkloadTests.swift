import Foundation
import LMN
import Testing

@Suite struct WorkloadTests {
  private let network: LanguageNetwork = {
    var configuration = Configuration(vocabularySize: 5)
    (configuration.width, configuration.logarithmic.heads, configuration.layers) = (8, 2, 1)
    var source = ParameterSource(seed: 1)
    return try! LanguageNetwork(configuration, using: &source)
  }()

  /// A network whose logits are the head's bias for any input.
  private var constant: LanguageNetwork {
    var network = network
    network.head.weight = Variable(constant: Tensor(shape: [5, 8], repeating: 0))
    return network
  }

  /// Results of three runs.
  private func results(of workload: Workload, taking tokens: Int) -> [Workload.Result?] {
    #expect(workload.tokens == tokens && workload.result() == nil)
    return (0..<3).map { _ in
      #expect(workload.run() > 0)
      return workload.result()
    }
  }

  /// Mean losses of three runs.
  private func losses(of workload: Workload, taking tokens: Int) throws -> [Double] {
    try results(of: workload, taking: tokens).map { result in
      guard case .loss(let loss) = try #require(result) else { throw CancellationError() }
      return loss
    }
  }

  @Test func evaluationsComputeTheLoss() throws {
    let losses = try losses(of: .evaluation(of: network, batch: 3, length: 16), taking: 48)
    #expect(losses.allSatisfy { $0 == losses[0] && $0 > 0 })
    var uniform = constant
    uniform.head.bias = Variable(constant: Tensor(shape: [5], repeating: 1))
    let flat = try self.losses(of: .evaluation(of: uniform, batch: 2, length: 9), taking: 18)
    #expect(flat.allSatisfy { abs($0 - log(5)) < 1e-6 } && losses[0] != flat[0])
  }

  /// Steps on the same windows lower the loss.
  @Test func trainingStepsLearn() throws {
    let losses = try losses(of: .trainingStep(of: network, batch: 2, length: 16), taking: 32)
    let before = try self.losses(of: .evaluation(of: network, batch: 2, length: 16), taking: 32)
    #expect(abs(losses[0] - before[0]) < 1e-6)
    #expect(losses[1] < losses[0] && losses[2] < losses[1])
  }

  /// Positions from 0; positions after which the streams soon restart; positions with many nodes.
  @Test(arguments: [(1, 0..<64), (3, 100..<200), (1, 1 << 30..<1 << 31)])
  func decodingTakesAllSteps(streams: Int, positions: Range<Int>) throws {
    func results(_ network: LanguageNetwork) throws -> [(logits: Tensor, at: [Int])] {
      try self.results(
        of: .decoding(by: network, streams: streams, positions: positions), taking: streams * 64
      ).map { result in
        guard case .logits(let logits, let positions) = try #require(result) else {
          throw CancellationError()
        }
        return (logits, positions)
      }
    }
    let (found, flat) = (try results(network), try results(constant))
    for run in 0..<3 {
      // Streams restart before a run that would exceed the range.
      let place = positions.count < 192 ? 0 : run
      #expect(
        found[run].at == .init(repeating: positions.lowerBound + 64 * (place + 1), count: streams))
      #expect(found[run].logits.shape == [streams, 5])
      #expect(
        flat[run].logits.scalars == (0..<streams).flatMap { _ in constant.head.bias.value.scalars })
      #expect(found[run].logits != flat[run].logits)
      #expect(found[run].logits.scalars.allSatisfy { $0.isFinite })
    }
  }
}

@Suite struct TimingTests {
  /// A timing of runs with given durations, and the number of runs.
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
