internal import LMNKernels
internal import LMNLayers
internal import LMNModel
internal import LMNTraining

/// Sweep over learning rates: trains a network on a task once per rate, and tests the best.
///
/// All runs start with the same parameters and use the same examples in the same order. The best
/// run has the highest accuracy on validation examples, which are separate from the test examples.
public struct Sweep<Task: AnswerTask> {
  /// The task.
  public let task: Task
  /// Settings of the runs.
  public let settings: SweepSettings

  /// A sweep with validated settings.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - settings: Settings of the runs; their vocabulary size is replaced by the task's.
  /// - Throws: `TrainingError` or `ConfigurationError` for invalid settings.
  public init(_ task: Task, settings: SweepSettings) throws {
    var settings = settings
    settings.model.vocabularySize = task.vocabularySize
    try settings.validate()
    let longest = (task.trainingSizes + task.testSizes).map(task.length).reduce(0, max)
    try settings.model.trunk.expectPositions(for: longest)
    self.task = task
    self.settings = settings
  }

  /// An event of a sweep.
  public enum Event: Sendable {
    /// A run of `steps` steps begins.
    case begin(learningRate: Float, steps: Int)
    /// The run has taken this number of steps.
    case step(Int)
    /// The run was validated.
    case point(CurvePoint)
  }

  /// Trains all runs and tests the best.
  ///
  /// - Parameters:
  ///   - path: A file to append the learning curves to as JSON objects: a line with the settings,
  ///     then one per ``CurvePoint``.
  ///   - report: Called for each event.
  /// - Returns: The scores of the best run, and a summary of all.
  /// - Throws: `FileError`, or errors of `report`.
  public func run(
    curves path: String? = nil, report: (Event) throws -> Void = { _ in }
  ) throws -> SweepReport<Task> {
    try runKeepingBest(curves: path, report: report).report
  }

  /// Trains all runs and tests the best.
  ///
  /// - Parameters:
  ///   - path: A file for the learning curves, as in ``run(curves:report:)``.
  ///   - report: Called for each event.
  /// - Returns: The report, and the network of the best run.
  /// - Throws: `FileError`, or errors of `report`.
  func runKeepingBest(
    curves path: String? = nil, report: (Event) throws -> Void
  ) throws -> (report: SweepReport<Task>, network: LanguageNetwork) {
    let lines = try path.map { try LineLog(appendingTo: $0) }
    try lines?.append(CurveHeading(name: Task.name, task: task, settings: settings))
    // Seeds are drawn in this order, so that tests do not depend on training.
    var generator = SeededGenerator(seed: settings.seed)
    let examples = TrainingExamples(task, settings, seed: generator.next())
    let validation = task.trainingSizes.flatMap { size in
      (0..<settings.validationExamples).map { _ in task.example(of: size, using: &generator) }
    }
    var testGenerator = SeededGenerator(seed: generator.next())
    let beginning = try generator.drawing(settings.initialisation) {
      try LanguageNetwork(settings.model, using: &$0)
    }

    var (runs, best): ([SweepRun], (run: SweepRun, network: LanguageNetwork)?) = ([], nil)
    for rate in settings.learningRates {
      let steps = settings.epochs * examples.batchesOfEpoch
      try report(.begin(learningRate: rate, steps: steps))
      var training = TrainingRun(
        beginning, on: examples, settings, rate: settings.schedule(peak: rate, steps: steps))
      let run = try training.run(validation: validation) { event in
        if case .point(let point) = event { try lines?.append(point) }
        try report(event)
      }
      runs.append(run)
      if best.map({ run.isBetter(than: $0.run) }) ?? true { best = (run, training.network) }
    }
    let (run, network) = best!
    let results = SweepReport(
      task: task, settings: settings, parameters: network.parameterCount,
      stateBytes: network.stateByteCount(
        at: task.testSizes.map(task.length).reduce(0, max)),
      runs: runs, best: run.learningRate,
      scores: task.scores(
        of: network, examples: settings.testExamples, using: &testGenerator))
    return (results, network)
  }
}

/// Point of a learning curve, a line of the log.
public struct CurvePoint: Sendable, Equatable, Codable {
  /// Peak learning rate of the run.
  public let learningRate: Float
  /// Updates so far.
  public let step: Int
  /// Mean loss since the previous point, in nats per target.
  public let loss: Double
  /// Accuracy on the validation examples.
  public let accuracy: Double

  enum CodingKeys: String, CodingKey {
    case step, loss, accuracy
    case learningRate = "learning_rate"
  }
}

/// Heading of the curves in the file.
private struct CurveHeading<Task: AnswerTask>: Encodable {
  let name: String
  let task: Task
  let settings: SweepSettings
}

/// Summary of one run of a sweep.
public struct SweepRun: Sendable, Equatable, Encodable {
  /// Peak learning rate.
  public let learningRate: Float
  /// Updates; fewer than planned when the run diverged.
  public let steps: Int
  /// Mean loss of the last point; nil when the run diverged.
  public let loss: Double?
  /// Accuracy on the validation examples; nil when the run diverged.
  public let accuracy: Double?
  /// Duration in seconds.
  public let seconds: Double

  enum CodingKeys: String, CodingKey {
    case steps, loss, accuracy, seconds
    case learningRate = "learning_rate"
  }

  /// Whether the accuracy is higher, or equal with a lower loss.
  func isBetter(than other: SweepRun) -> Bool {
    (accuracy ?? -1, -(loss ?? .infinity)) > (other.accuracy ?? -1, -(other.loss ?? .infinity))
  }
}
