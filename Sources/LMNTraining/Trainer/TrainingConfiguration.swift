import FoundationEssentials
public import LMNKernels
public import LMNLayers
import LMNMemories
public import LMNModel

/// Settings of a training run, except the data.
public struct TrainingConfiguration: Sendable, Codable, Equatable {
  /// Sizes and kinds of the network of blocks; without meaning for a Memformer.
  public var model: Configuration
  /// Sizes of the Memformer to train instead of a network of blocks; nil for the latter.
  public var memformer: MemformerConfiguration?
  /// Task, with its settings.
  public var task = TaskSettings.text
  /// Initialisation of the summarizers.
  public var initialisation = Initialisation.reference
  /// Block length L: tokens per window.
  public var blockLength = 512
  /// Batch size B: windows per step.
  public var batchSize = 16
  /// Carried state, for the task text; nil for random windows, each from the initial state.
  public var carry: Carry?
  /// Whether intermediate values of blocks are computed again in the backward pass.
  ///
  /// That takes less memory and more time. Gradients are the same, bit for bit.
  public var recompute: Bool {
    get { recomputesBlocks ?? false }
    set { recomputesBlocks = newValue ? true : nil }
  }
  /// Absent in configurations of earlier versions, and if false.
  private var recomputesBlocks: Bool?
  /// Number of steps.
  public var steps = 5000
  /// Learning-rate schedule.
  public var schedule = LearningRateSchedule.constant(rate: 1e-3)
  /// Constants of AdamW.
  public var optimizer = AdamWConstants()
  /// Constants of Muon, for the maps inside blocks; nil for AdamW alone.
  public var muon: MuonConstants?
  /// Gradient clipping: largest global L2 norm; nil for no clipping.
  public var gradientClipping: Float? = 1
  /// Random seed.
  public var seed: UInt64 = 1
  /// Steps between log lines.
  public var logEvery = 10
  /// Steps between validations.
  public var evaluateEvery = 250
  /// Patience: validations without a lower loss after which the run ends; nil for all steps.
  public var patience: Int?
  /// Random batches per validation of a text; other tasks validate on all rows.
  public var evaluationBatches = 20
  /// Whether the loss on the training text is measured in the same way, at the same steps.
  public var evaluatesTrainingText = false
  /// Steps between checkpoints.
  public var saveEvery = 250

  /// The defaults, for a network of the given configuration.
  public init(model: Configuration) { self.model = model }

  /// The exact recipe of the published Table 1 (arXiv 2501.07905 and its notebook).
  public static func table1(vocabularySize: Int) -> TrainingConfiguration {
    var recipe = TrainingConfiguration(model: Configuration(vocabularySize: vocabularySize))
    recipe.gradientClipping = nil
    recipe.evaluateEvery = 100
    recipe.evaluationBatches = 200
    recipe.evaluatesTrainingText = true
    return recipe
  }

  /// The GPT-2 baseline of Table 1, by the same recipe: learned positions, LayerNorm, causal
  /// attention without biases of query, key and value, whose scores are scaled by 1 / √E, and ReLU.
  public static func gpt2Table1(vocabularySize: Int) -> TrainingConfiguration {
    var recipe = table1(vocabularySize: vocabularySize)
    var attention = CausalAttention.Settings()
    (attention.bias, attention.scale) = (false, .width)
    recipe.model.memories = [MemoryConfiguration(attention)]
    (recipe.model.norm, recipe.model.activation) = (.layer, .relu)
    (recipe.model.positions, recipe.model.maximumLength) = (.learned, recipe.blockLength)
    return recipe
  }

  /// Throws unless all settings are in range.
  public func validate() throws {
    try model.validate()
    try memformer?.validate()
    let counts = [
      ("block length", blockLength), ("batch size", batchSize), ("horizon", carry?.horizon ?? 1),
      ("steps", steps),
      ("steps between log lines", logEvery), ("steps between evaluations", evaluateEvery),
      ("evaluation batches", evaluationBatches), ("patience", patience ?? 1),
      ("steps between checkpoints", saveEvery),
    ]
    for (name, count) in counts where !(1...Configuration.largestSize).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "1 to \(Configuration.largestSize)")
    }
    if let carry {
      if task.kind == .classify { throw TrainingError.carriesNoState(task.kind) }
      if task.kind == .forecast, carry != Carry() { throw TrainingError.carriesBlocks }
    }
    if let memformer {
      if task.kind != .text { throw TrainingError.memformerForAnotherTask(task.kind) }
      if carry != nil, !blockLength.isMultiple(of: memformer.segment) {
        throw TrainingError.outOfRange(
          name: "block length", value: "\(blockLength)",
          range: "a multiple of \(memformer.segment), the length of a segment, with carried state")
      }
    }
    if let most = model.maximumLength, rowLength > most {
      throw TrainingError.outOfRange(
        name: carry == nil ? "block length" : "block length times horizon", value: "\(rowLength)",
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
      ("momentum", muon?.momentum ?? 0, share, "0 to below 1"),
    ]
    for (name, value, range, words) in numbers where !range.contains(value) {
      throw TrainingError.outOfRange(name: name, value: "\(value)", range: words)
    }
    // Value, gradient and two moments, four bytes each, have to fit into memory.
    let most = Int(ProcessInfo.processInfo.physicalMemory / 16)
    if let count = try parameterCount, count > most {
      throw TrainingError.outOfRange(
        name: "the number of parameters", value: "\(count)",
        range: "at most \(most) on this machine")
    }
  }

  /// Number of parameters as far as it is independent of the data; nil on overflow.
  private var parameterCount: Int? {
    get throws {
      try ParameterSource.count { source in
        switch task {
        case .text:
          if let memformer {
            try Memformer(memformer, using: &source)
          } else {
            try LanguageNetwork(model, using: &source)
          }
        case .classify(let settings):
          // The number of classes depends on the data; a few classes need little memory.
          try ClassifierNetwork(
            model, classes: 1, pooling: settings.pooling, nGrams: settings.nGrams, using: &source)
        case .forecast(let settings):
          try ForecasterNetwork(
            model, settings.network,
            normalisation: Normalisation(
              channels: model.vocabularySize + settings.network.covariates), using: &source)
        }
      }
    }
  }
}

/// An error of a training run.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// A setting is out of range.
  case outOfRange(name: String, value: String, range: String)
  /// The task does not support carried state.
  case carriesNoState(TaskKind)
  /// With carried state, forecasts have gradients through one block only.
  case carriesBlocks
  /// A Memformer is trained for the task text only.
  case memformerForAnotherTask(TaskKind)
  /// Loss or gradient was not finite in several consecutive steps, or weights are not finite.
  case diverged(step: Int, inARow: Int, tensor: String, checkpoint: String)
  /// The directory holds a run.
  case occupied(directory: String)
  /// Another process trains in the directory.
  case inUse(directory: String)
  /// The data differs from that of the run.
  case anotherText(directory: String)
  /// A setting contradicts the run to be resumed.
  case contradiction(setting: String, given: String, run: String)
  /// A setting contradicts the model that the run begins with.
  case modelContradiction(setting: String, given: String, model: String)
  /// The run to be resumed has ended early.
  case stoppedEarly(step: Int)
  /// The run to be resumed has taken all its steps.
  case finished(steps: Int)

  /// A sentence with values and places.
  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let range):
      "\(name) is \(value), it has to be \(range)"
    case .carriesNoState(let task):
      "the tasks text and forecast support carried state, and the task is \(task.rawValue)"
    case .carriesBlocks:
      "a forecast with carried state has gradients through one block, without memory replay"
    case .memformerForAnotherTask(let task):
      "a Memformer is for the task text, and the task is \(task.rawValue)"
    case .diverged(let step, let inARow, let tensor, let checkpoint):
      "training diverged at step \(step): '\(tensor)' is not finite"
        + (inARow > 0 ? ", \(inARow) updates in a row were left out" : "")
        + "; the last good weights are in \(checkpoint)"
    case .occupied(let directory):
      "\(directory) holds a run already; continue it with --resume or choose another directory"
    case .inUse(let directory):
      "another process is training in \(directory)"
    case .anotherText(let directory):
      "the run in \(directory) was begun with another text"
    case .contradiction(let setting, let given, let run):
      "\(setting) is \(given), but the run to continue has \(run)"
    case .modelContradiction(let setting, let given, let model):
      "\(setting) is \(given), but the model to begin with has \(model)"
    case .stoppedEarly(let step):
      "the run has ended at step \(step), because its validation loss did not fall any more; give a larger "
        + "--patience"
    case .finished(let steps):
      "the run has taken its \(steps) steps; give more by --steps"
    }
  }
}
