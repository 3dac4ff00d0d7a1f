internal import LMNKernels
internal import LMNLayers
internal import LMNModel

/// Training of networks on recall across segments, one per arm and seed, each with tests on new
/// examples, also of more segments.
///
/// Runs of a seed begin with the same parameters and see the same examples.
public struct SegmentRecallExperiment {
  /// The task.
  public let task: SegmentRecall
  /// Settings of the runs.
  public let settings: SegmentRecallSettings
  /// A network without values.
  private let described: LanguageNetwork

  /// An experiment with validated settings.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - settings: Settings of the runs; their vocabulary size is replaced by that of the task.
  /// - Throws: `TrainingError` or `ConfigurationError` for invalid settings.
  public init(_ task: SegmentRecall, settings: SegmentRecallSettings) throws {
    var settings = settings
    settings.model.vocabularySize = task.vocabularySize
    try settings.validate()
    var source = ParameterSource.describing
    described = try LanguageNetwork(settings.model, using: &source)
    let longest = settings.allSegments.max()! * task.segmentLength
    try settings.model.trunk.expectPositions(for: longest)
    self.task = task
    self.settings = settings
  }

  /// Point of a learning curve.
  public struct Point: Sendable, Equatable {
    /// Arm of the run.
    public let arm: SegmentRecallArm
    /// Seed of the run.
    public let seed: UInt64
    /// Number of steps so far.
    public let step: Int
    /// Mean loss since the previous point, in nats per answer.
    public let loss: Double
    /// Fraction of right answers in the validation.
    public let accuracy: Double
  }

  /// Trains and tests a network per arm and seed.
  ///
  /// - Parameter report: Called for each validation.
  /// - Returns: Results of all runs.
  /// - Throws: Errors of `report`.
  public func run(report: (Point) throws -> Void = { _ in }) throws -> SegmentRecallReport {
    SegmentRecallReport(
      task: task, settings: settings, parameters: described.parameterCount,
      stateBytes: described.stateByteCount(at: settings.segments * task.segmentLength),
      chance: task.chance,
      runs: try settings.arms.flatMap { arm in
        try settings.seeds.map { try run(arm, seed: $0, report: report) }
      })
  }

  private func run(
    _ arm: SegmentRecallArm, seed: UInt64, report: (Point) throws -> Void
  ) throws -> SegmentRecallRun {
    let start = ContinuousClock.now
    var generator = SeededGenerator(seed: seed)
    // Drawn in this order, so that tests do not depend on the network or its training.
    var tests = SeededGenerator(seed: generator.next())
    let examples = SeededGenerator(seed: generator.next())
    let network = try generator.drawing { try LanguageNetwork(settings.model, using: &$0) }
    var training = SegmentRecallTraining(
      of: network, on: task, in: arm, settings, seed: seed, examples: examples)
    let validation = self.examples(of: settings.segments, in: arm, using: &tests)

    func run(loss: Double?, scores: [SegmentRecallRun.Score]) -> SegmentRecallRun {
      SegmentRecallRun(
        arm: arm, seed: seed, steps: training.step, loss: loss, scores: scores,
        seconds: (ContinuousClock.now - start) / .seconds(1))
    }
    var (sum, count, point): (Double, Int, Point?) = (0, 0, nil)
    repeat {
      guard let taken = training.takeStep() else { return run(loss: nil, scores: []) }
      (sum, count) = (sum + taken, count + 1)
      guard training.step == settings.steps || training.step.isMultiple(of: settings.evaluateEvery)
      else { continue }
      training.storeParameters()
      point = Point(
        arm: arm, seed: seed, step: training.step, loss: sum / Double(count),
        accuracy: accuracy(of: training.network, on: validation))
      (sum, count) = (0, 0)
      try report(point!)
    } while training.step < settings.steps && point.map { $0.accuracy < settings.goal } ?? true
    return run(
      loss: point!.loss,
      scores: settings.allSegments.map { segments in
        let examples = self.examples(of: segments, in: arm, using: &tests)
        return .init(
          segments: segments, accuracy: accuracy(of: training.network, on: examples))
      })
  }

  /// Examples of a test, of which only the tokens are kept that an arm reads.
  private func examples(
    of segments: Int, in arm: SegmentRecallArm, using generator: inout SeededGenerator
  ) -> [Example] {
    let tokens = arm.tested(segments: segments, length: task.segmentLength)
    return (0..<settings.testExamples).map { _ in
      task.example(segments: segments, using: &generator)[tokens]
    }
  }

  /// Fraction of right answers, in parallel form.
  private func accuracy(of network: LanguageNetwork, on examples: [Example]) -> Double {
    Double(network.rightAnswers(to: examples)) / Double(task.pairs * examples.count)
  }
}
