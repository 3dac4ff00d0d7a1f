import FoundationEssentials
public import LMNKernels
public import LMNLayers
import LMNMemories
public import LMNModel

/// Everything that decides how a training run goes, but for the text.
public struct TrainingConfiguration: Sendable, Codable, Equatable {
  /// The network's sizes and kinds.
  public var model: Configuration
  /// What the model learns to do.
  public var task = TaskSettings.text
  /// What the summarizers' parameters are before training.
  public var initialisation = Initialisation.reference
  /// L: tokens of a window.
  public var blockLength = 512
  /// B: windows of a step.
  public var batchSize = 16
  /// How a run that continues text reads on with carried state; nil for random windows, each read
  /// from its own beginning.
  public var carry: Carry?
  /// Updates in all.
  public var steps = 5000
  /// The length of every step.
  public var schedule = LearningRateSchedule.constant(rate: 1e-3)
  /// The optimizer's constants.
  public var optimizer = AdamWConstants()
  /// A gradient longer than this is scaled down to it; nil for never.
  public var gradientClipping: Float? = 1
  /// What every random choice follows from.
  public var seed: UInt64 = 1
  /// Steps between two lines of the log.
  public var logEvery = 10
  /// Steps between two measurements of the validation loss.
  public var evaluateEvery = 250
  /// Random batches that such a measurement is the mean of.
  public var evaluationBatches = 20
  /// Whether the training text is measured in the same way and at the same steps.
  public var evaluatesTrainingText = false
  /// Steps between two checkpoints.
  public var saveEvery = 250

  /// The defaults, for a network of the given configuration.
  public init(model: Configuration) { self.model = model }

  /// The recipe of the published Table 1, to the letter (arXiv 2501.07905 and its notebook).
  public static func table1(vocabularySize: Int) -> TrainingConfiguration {
    var recipe = TrainingConfiguration(model: Configuration(vocabularySize: vocabularySize))
    recipe.gradientClipping = nil
    recipe.evaluateEvery = 100
    recipe.evaluationBatches = 200
    recipe.evaluatesTrainingText = true
    return recipe
  }

  /// Throws unless a run can go like this.
  public func validate() throws {
    try model.validate()
    let counts = [
      ("block length", blockLength), ("batch size", batchSize), ("flow", carry?.flow ?? 1),
      ("steps", steps),
      ("steps between log lines", logEvery), ("steps between evaluations", evaluateEvery),
      ("evaluation batches", evaluationBatches), ("steps between checkpoints", saveEvery),
    ]
    for (name, count) in counts where !(1...Configuration.largestSize).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "1 to \(Configuration.largestSize)")
    }
    if carry != nil, task.kind != .text { throw TrainingError.carriesNoState(task.kind) }
    if let most = model.maximumLength, rowLength > most {
      throw TrainingError.outOfRange(
        name: carry == nil ? "block length" : "block length times flow", value: "\(rowLength)",
        range: "at most \(most), the number of learned positions")
    }
    for (name, count) in schedule.counts where !(0...Configuration.largestSize).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "0 to \(Configuration.largestSize)")
    }
    let positive = Float.leastNonzeroMagnitude...Float.greatestFiniteMagnitude
    let share = 0...Float(1).nextDown
    let numbers = [
      ("gradient clipping", gradientClipping ?? 1, positive, "above 0 and finite"),
      ("learning rate", schedule.peak, positive, "above 0 and finite"),
      ("weight decay", optimizer.weightDecay, 0...positive.upperBound, "0 or more and finite"),
      ("beta1", optimizer.beta1, share, "0 to below 1"),
      ("beta2", optimizer.beta2, share, "0 to below 1"),
      ("epsilon", optimizer.epsilon, positive, "above 0 and finite"),
    ]
    for (name, value, range, words) in numbers where !range.contains(value) {
      throw TrainingError.outOfRange(name: name, value: "\(value)", range: words)
    }
    // Value, gradient and two moments, four bytes each, have to fit the memory.
    let most = Int(ProcessInfo.processInfo.physicalMemory / 16)
    if let count = try parameterCount, count > most {
      throw TrainingError.outOfRange(
        name: "the number of parameters", value: "\(count)",
        range: "at most \(most) on this machine")
    }
  }

  /// Parameters of the network, as far as the data have no part in it; nil when the count overflows.
  private var parameterCount: Int? {
    get throws {
      try ParameterSource.count { source in
        switch task {
        case .text:
          try LanguageNetwork(model, using: &source)
        case .classify(let settings):
          // The data say how many classes there are, and few classes cost nothing.
          try ClassifierNetwork(model, classes: 1, pooling: settings.pooling, using: &source)
        case .forecast(let settings):
          try ForecasterNetwork(
            model, horizon: settings.horizon,
            normalisation: Normalisation(channels: model.vocabularySize), using: &source)
        }
      }
    }
  }
}

/// Why a training run cannot begin or go on.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// A setting is outside what makes sense.
  case outOfRange(name: String, value: String, range: String)
  /// Rows of the task's data are not parts of streams that go on.
  case carriesNoState(TaskKind)
  /// Loss or gradient were not finite several steps in a row, or weights are not.
  case diverged(step: Int, inARow: Int, tensor: String, checkpoint: String)
  /// The directory holds a run already.
  case occupied(directory: String)
  /// The run was begun with another text.
  case anotherText(directory: String)
  /// A setting contradicts the run that is to be continued.
  case contradiction(setting: String, given: String, run: String)
  /// The run that is to be continued has taken all its steps.
  case finished(steps: Int)

  /// A sentence for the user.
  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let range):
      "\(name) is \(value), it has to be \(range)"
    case .carriesNoState(let task):
      "only the task text can carry state from step to step, and the task is \(task.rawValue)"
    case .diverged(let step, let inARow, let tensor, let checkpoint):
      """
      training diverged at step \(step): '\(tensor)' is not finite, \(inARow) updates in a row \
      were left out; the last good weights are in \(checkpoint)
      """
    case .occupied(let directory):
      "\(directory) holds a run already; continue it with --resume or choose another directory"
    case .anotherText(let directory):
      "the run in \(directory) was begun with another text"
    case .contradiction(let setting, let given, let run):
      "\(setting) is \(given), but the run to continue has \(run)"
    case .finished(let steps):
      "the run has taken its \(steps) steps; give more by --steps"
    }
  }
}
