import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct SegmentRecallExperimentTests {
  private static let task = try! SegmentRecall(pairs: 2, values: 3, fillers: 2)

  private static func settings(
    _ change: (inout SegmentRecallSettings) -> Void = { _ in }
  ) -> SegmentRecallSettings {
    var settings = SegmentRecallSettings(model: SegmentRecallSettings.model(for: task))
    (settings.model.width, settings.segments, settings.testSegments) = (8, 3, [4])
    (settings.steps, settings.evaluateEvery) = (5, 2)
    (settings.batchSize, settings.testExamples, settings.seeds) = (4, 8, [3, 4])
    change(&settings)
    return settings
  }

  private func experiment(
    _ change: (inout SegmentRecallSettings) -> Void = { _ in }
  ) throws -> SegmentRecallExperiment {
    try SegmentRecallExperiment(Self.task, settings: Self.settings(change))
  }

  /// The default network is that of the published figures.
  @Test func defaultNetworkHasItsSize() throws {
    let task = try SegmentRecall()
    let report = try computing {
      var settings = SegmentRecallSettings(model: SegmentRecallSettings.model(for: task))
      (settings.arms, settings.seeds, settings.steps) = ([.without], [1], 1)
      (settings.batchSize, settings.testExamples) = (1, 1)
      return try SegmentRecallExperiment(task, settings: settings).run()
    }
    #expect(report.parameters == 24_784 && report.chance == 0.125)
    // Two blocks of 8 slots of 32 floats, and no open segment.
    #expect(report.stateBytes == 2 * 8 * 32 * 4)
  }

  /// Gradients of steps are those of called losses: through all segments, of the last segment after
  /// a state without gradients, and of the last segment from its beginning.
  @Test(arguments: SegmentRecallArm.allCases, ["slots", "logarithmic"])
  func gradientsFollowTheDefinition(_ arm: SegmentRecallArm, memory: String) throws {
    let settings = Self.settings {
      $0.model.vocabularySize = Self.task.vocabularySize
      $0.model.memoryKinds = [memory]
    }
    var source = ParameterSource(seed: 1)
    let network = try LanguageNetwork(settings.model, using: &source)
    var generator = SeededGenerator(seed: 5)
    try computing(on: .reference) {
      var training = SegmentRecallTraining(
        of: network, on: Self.task, in: arm, settings, seed: 7, examples: generator)
      for _ in 0..<3 {
        training.storeParameters()
        let network = training.network
        let taken = training.takeStep()
        let loss = try #require(taken)
        let examples = (0..<4).map { _ in Self.task.example(segments: 3, using: &generator) }
        let expected = valueWithGradient(at: network, overBatchOf: 4) { network, item in
          var state = network.initialState
          if arm == .cut {
            _ = network(TokenBuffer(examples[item].inputs[..<8]), after: &state)
            state = state.detached
          }
          let read = arm == .memory ? 0..<12 : 8..<12
          var pass = network.trunk.pass(after: state.position, length: read.count)
          return network.loss(
            of: TokenBuffer(examples[item].inputs[read]),
            targets: TokenBuffer(examples[item].targets[read]), after: &state, &pass)
        }
        #expect(abs(loss - Double(expected.value)) < 1e-5)
        for (found, expected) in zip(training.batch.gradients, expected.gradient.tensors) {
          let largest = expected.scalars.reduce(0) { max($0, abs($1)) }
          expectClose(
            found.scalars, expected.scalars,
            within: expected.scalars.map { _ in 1e-5 * Double(largest) }, "\(arm)")
        }
      }
    }
  }

  @Test func trainingLowersTheLoss() throws {
    var points: [SegmentRecallExperiment.Point] = []
    _ = try computing {
      try experiment {
        ($0.steps, $0.evaluateEvery, $0.batchSize) = (200, 50, 8)
        ($0.learningRate, $0.seeds, $0.arms) = (0.01, [1], [.memory])
      }.run { points.append($0) }
    }
    let (first, last) = (try #require(points.first), try #require(points.last))
    #expect(last.step > first.step && last.loss < 0.8 * first.loss)
  }

  /// Right answers end a run; otherwise it takes all its steps.
  @Test func runsEndAtTheGoal() throws {
    var points: [SegmentRecallExperiment.Point] = []
    let runs = try computing {
      try experiment { ($0.goal, $0.arms) = (0, [.without]) }.run().runs
        + experiment { ($0.goal, $0.arms) = (2, [.without]) }.run { points.append($0) }.runs
    }
    #expect(runs.map(\.steps) == [2, 2, 5, 5])
    #expect(points.map(\.step) == [2, 4, 5, 2, 4, 5] && points.map(\.seed) == [3, 3, 3, 4, 4, 4])
    #expect(runs[2].loss == points[2].loss)
  }

  @Test func resultsFollowFromTheSeedOnAnyThreads() throws {
    func results(threads: Int, seeds: [UInt64]) throws -> [[Double]] {
      try computing(threads: threads) {
        try experiment { $0.seeds = seeds }.run().runs.map {
          [$0.loss!] + $0.scores.map(\.accuracy)
        }
      }
    }
    let one = try results(threads: 1, seeds: [3, 4])
    #expect(try results(threads: 3, seeds: [3, 4]) == one)
    #expect(try results(threads: 1, seeds: [4]) == [one[1], one[3], one[5]])
    #expect(Set(one.map { $0[0] }).count == 6)
  }

  @Test func reportsHaveAllFigures() throws {
    let report = try computing { try experiment().run() }
    #expect(report.task == Self.task && report.settings.model.vocabularySize == 7)
    #expect(report.runs.map(\.arm) == [.memory, .memory, .cut, .cut, .without, .without])
    #expect(report.runs.map(\.seed) == [3, 4, 3, 4, 3, 4])
    #expect(report.runs.allSatisfy { $0.scores.map(\.segments) == [3, 4] && $0.seconds > 0 })

    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    let fields = try #require(json as? [String: Any])
    #expect(
      Set(fields.keys) == ["task", "settings", "parameters", "state_bytes", "chance", "runs"])
    let run = try #require((fields["runs"] as? [[String: Any]])?.first)
    #expect(Set(run.keys) == ["arm", "seed", "steps", "loss", "scores", "seconds"])
    let scores = try #require(run["scores"] as? [[String: Any]])
    #expect(scores.map { $0["segments"] as? Int } == [3, 4])

    let lines = report.description.split(separator: "\n")
    #expect(lines.count == 9 && lines[1].contains("T = 3    T = 4"))
    #expect(lines[2].hasPrefix("memory") && lines[8].hasSuffix("33.3     33.3"))
  }

  @Test func divergenceIsReported() throws {
    let report = try computing {
      try experiment { ($0.learningRate, $0.arms) = (1e30, [.memory]) }.run()
    }
    #expect(report.runs.allSatisfy { $0.steps < 5 && $0.loss == nil && $0.scores.isEmpty })
    #expect(report.description.contains("diverged"))
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    func expectRefusal(_ sentence: String, _ change: (inout SegmentRecallSettings) -> Void) {
      let error = #expect(throws: (any Error).self) { try experiment(change) }
      #expect(error.map { "\($0)" } == sentence)
    }
    expectRefusal("steps is 0, it has to be 1 to 16777216") { $0.steps = 0 }
    expectRefusal("steps between evaluations is 0, it has to be 1 to 16777216") {
      $0.evaluateEvery = 0
    }
    expectRefusal("segments is 1, it has to be 2 to 65536") { $0.segments = 1 }
    expectRefusal("test segments is 0, it has to be 2 to 65536") { $0.testSegments = [3, 0] }
    expectRefusal("arms is none, it has to be one or more") { $0.arms = [] }
    expectRefusal("seeds is none, it has to be one or more") { $0.seeds = [] }
    expectRefusal("learning rate is inf, it has to be above 0 and finite") {
      $0.learningRate = .infinity
    }
    expectRefusal(
      "a stream of 16 tokens reaches position 15, after the last of 15 learned positions"
    ) { ($0.model.positions, $0.model.maximumLength) = (.learned, 15) }
  }
}
