internal import LMNLayers
internal import LMNModel

/// Training of networks on paired recall, one per seed, each with a test on new examples.
public struct PairedRecallExperiment {
  /// The task.
  public let task: PairedRecall
  /// Settings of the runs.
  public let settings: PairedRecallSettings
  /// A network without values.
  private let described: PairedRecallNetwork

  /// An experiment with validated settings.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - settings: Settings of the runs; their vocabulary size is replaced by the number of values.
  /// - Throws: `TrainingError` or `ConfigurationError` for invalid settings.
  public init(_ task: PairedRecall, settings: PairedRecallSettings) throws {
    var settings = settings
    settings.model.vocabularySize = task.values
    try settings.validate()
    var source = ParameterSource.describing
    described = try PairedRecallNetwork(settings.model, keys: task.keys, using: &source)
    try settings.model.trunk.expectPositions(for: 2 * task.pairs)
    self.task = task
    self.settings = settings
  }

  /// An event of an experiment.
  public enum Event: Sendable {
    /// The current run has taken this number of steps.
    case step(Int)
    /// A run has come to a point of its learning curve, one of 20.
    case point(Point)
  }

  /// Point of a learning curve.
  public struct Point: Sendable, Equatable {
    /// Seed of the run.
    public let seed: UInt64
    /// Number of steps so far.
    public let step: Int
    /// Pairs of the last step's examples.
    public let pairs: Int
    /// Mean loss since the previous point, in nats per answer.
    public let loss: Double
  }

  /// Points of a learning curve.
  static let points = 20

  /// Trains and tests a network per seed.
  ///
  /// - Parameter report: Called for each event.
  /// - Returns: Results of all runs.
  /// - Throws: Errors of `report`.
  public func run(report: (Event) throws -> Void = { _ in }) throws -> PairedRecallReport {
    PairedRecallReport(
      task: task, settings: settings, parameters: described.parameterCount,
      stateBytes: described.stateByteCount(at: 2 * task.pairs), chance: task.chance,
      runs: try settings.seeds.map { try run(seed: $0, report: report) })
  }

  private func run(seed: UInt64, report: (Event) throws -> Void) throws -> PairedRecallRun {
    let start = ContinuousClock.now
    var generator = SeededGenerator(seed: seed)
    // Drawn in this order, so that tests do not depend on the network or its training.
    var tests = SeededGenerator(seed: generator.next())
    let examples = SeededGenerator(seed: generator.next())
    let network = try generator.drawing {
      try PairedRecallNetwork(settings.model, keys: task.keys, using: &$0)
    }
    var training = PairedRecallTraining(
      of: network, on: task, settings, seed: seed, examples: examples)

    func run(loss: Double?, scores: PairedRecallScores?) -> PairedRecallRun {
      PairedRecallRun(
        seed: seed, steps: training.step, loss: loss, accuracy: scores?.accuracy,
        routers: scores?.routers ?? [], seconds: (ContinuousClock.now - start) / .seconds(1))
    }
    var (sum, count, loss) = (0.0, 0, 0.0)
    for step in 0..<settings.steps {
      guard let taken = training.takeStep() else { return run(loss: nil, scores: nil) }
      try report(.step(step + 1))
      (sum, count) = (sum + taken, count + 1)
      let part = (step + 1) * Self.points / settings.steps
      guard part > step * Self.points / settings.steps else { continue }
      loss = sum / Double(count)
      (sum, count) = (0, 0)
      let pairs = settings.pairs(at: step, of: task)
      try report(.point(Point(seed: seed, step: step + 1, pairs: pairs, loss: loss)))
    }
    training.storeParameters()
    let scores = PairedRecallScores(
      of: training.network,
      on: (0..<settings.testExamples).map { _ in
        task.example(pairs: task.pairs, using: &tests)
      })
    return run(loss: loss, scores: scores)
  }
}
