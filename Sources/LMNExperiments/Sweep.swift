internal import LMNKernels
internal import LMNLayers
internal import LMNModel
internal import LMNTraining

/// Trains a network on a task, once per learning rate, and measures the best of them.
///
/// All runs begin with the same parameters and see the same examples in the same order. The best has
/// the highest accuracy on examples of their own, which are not those that it is tested on.
public struct Sweep<Task: RecallTask> {
  /// What is learned.
  public let task: Task
  /// How.
  public let settings: SweepSettings

  /// A sweep that can be made.
  ///
  /// - Parameters:
  ///   - task: What is learned.
  ///   - settings: How; the task decides over the vocabulary's size.
  /// - Throws: What is wrong with the settings.
  public init(_ task: Task, settings: SweepSettings) throws {
    var settings = settings
    settings.model.vocabularySize = task.vocabularySize
    try settings.validate()
    let longest = (task.trainingSizes + task.testSizes).map(task.length).reduce(0, max)
    try settings.model.expectPositions(for: longest)
    self.task = task
    self.settings = settings
  }

  /// What happens during a sweep.
  public enum Event: Sendable {
    /// A run begins, of so many steps.
    case begin(learningRate: Float, steps: Int)
    /// It was measured on its way.
    case point(CurvePoint)
  }

  /// Trains and measures.
  ///
  /// - Parameters:
  ///   - path: A file, to whose end the learning curves are written: a line with the settings, and
  ///     then one per ``CurvePoint``, all of them JSON objects.
  ///   - report: Hears what happens.
  /// - Returns: The scores of the best run, and how all went.
  /// - Throws: `FileError`, or what `report` throws.
  public func run(
    curves path: String? = nil, report: (Event) throws -> Void = { _ in }
  ) throws -> SweepReport<Task> {
    let lines = try path.map { try LineLog(appendingTo: $0) }
    try lines?.append(CurveHeading(name: Task.name, task: task, settings: settings))
    // In this order: what is drawn for the tests must not depend on how training goes.
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
      let run = try training.run(validation: validation) { point in
        try lines?.append(point)
        try report(.point(point))
      }
      runs.append(run)
      if best.map({ run.isBetter(than: $0.run) }) ?? true { best = (run, training.network) }
    }
    let (run, network) = best!
    return SweepReport(
      task: task, settings: settings, parameters: network.parameterCount,
      stateBytes: network.stateByteCount(
        at: task.testSizes.map(task.length).reduce(0, max)),
      runs: runs, best: run.learningRate,
      scores: task.scores(
        of: network, examples: settings.testExamples, using: &testGenerator))
  }
}

/// A point of a learning curve, as a line of a log holds it.
public struct CurvePoint: Sendable, Equatable, Codable {
  /// The highest rate of the run.
  public let learningRate: Float
  /// Updates made so far.
  public let step: Int
  /// Mean loss, in nats per target, since the point before.
  public let loss: Double
  /// The share of right answers on the validation examples.
  public let accuracy: Double

  enum CodingKeys: String, CodingKey {
    case step, loss, accuracy
    case learningRate = "learning_rate"
  }
}

/// What the curves behind it are of.
private struct CurveHeading<Task: RecallTask>: Encodable {
  let name: String
  let task: Task
  let settings: SweepSettings
}

/// How one of the runs of a sweep went.
public struct SweepRun: Sendable, Equatable, Encodable {
  /// Its highest rate.
  public let learningRate: Float
  /// Updates made; fewer than asked for when it diverged.
  public let steps: Int
  /// Mean loss over the last part of its curve; nil when it diverged.
  public let loss: Double?
  /// The share of right answers on the validation examples; nil when it diverged.
  public let accuracy: Double?
  /// How long it took.
  public let seconds: Double

  enum CodingKeys: String, CodingKey {
    case steps, loss, accuracy, seconds
    case learningRate = "learning_rate"
  }

  /// Whether it has answered more, or as many with a lower loss.
  func isBetter(than other: SweepRun) -> Bool {
    (accuracy ?? -1, -(loss ?? .infinity)) > (other.accuracy ?? -1, -(other.loss ?? .infinity))
  }
}
