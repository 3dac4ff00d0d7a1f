import FoundationEssentials
import LMNKernels
import LMNLayers
import LMNModel

/// Checkpoint of a training run, all that a resume needs: model, optimizer and loop state of the
/// same step, in one file.
struct TrainingCheckpoint<Model: StoredModel> {
  var model: Model
  var optimizer: Optimizer
  /// Carried states of the batch rows after the last step; empty without `carry`.
  var states: [Trunk.State] = []
  var loop: LoopState
  var configuration: TrainingConfiguration
  /// Files with the data; nil where they are unknown.
  var dataFiles: DataFiles?

  private static var first: String { "optimizer.first." }
  private static var second: String { "optimizer.second." }
  private static var streams: String { "streams." }

  func write(to path: String) throws {
    var file = model.encoded()
    file.append(optimizer.first, prefix: Self.first)
    file.append(optimizer.second, prefix: Self.second)
    if !states.isEmpty { file.append(states, prefix: Self.streams) }
    file.metadata["loop"] = try sortedJSON(loop)
    file.metadata["training"] = try sortedJSON(configuration)
    file.metadata["optimizer_step"] = "\(optimizer.step)"
    try dataFiles?.write(to: &file)
    try file.write(to: path)
  }

  init(
    model: Model, optimizer: Optimizer, loop: LoopState, configuration: TrainingConfiguration
  ) {
    self.model = model
    self.optimizer = optimizer
    self.loop = loop
    self.configuration = configuration
  }

  init(contentsOf path: String) throws {
    let file = try Safetensors(contentsOf: path)
    loop = try file.decoded("loop", path: path)
    configuration = try file.decoded("training", path: path)
    dataFiles = try DataFiles(in: file, path: path)
    let optimizerStep: Int = try file.decoded("optimizer_step", path: path)
    let counts = [optimizerStep, loop.skippedUpdates, loop.skippedInARow, loop.lossCount]
    guard loop.step >= 0, counts.allSatisfy((0...loop.step).contains),
      (0...Int.max / 2).contains(loop.tokens)
    else {
      throw CheckpointError.unusable(
        file: path, problem: "its 'loop' holds invalid counts")
    }

    let goesOn = configuration.carry != nil && loop.step > 0
    let others = ["optimizer."] + (goesOn ? [Self.streams] : [])
    model = try Model(
      ModelFile(file, path: path) { name in !others.contains { name.hasPrefix($0) } })
    if goesOn {
      let structure = model.network.stateStructure
      let rows = try naming(file: path) {
        try file.states(of: structure, prefix: Self.streams)
      }
      guard let rows, rows.count == configuration.batchSize else {
        throw CheckpointError.unusable(
          file: path,
          problem:
            "its tensors '\(Self.streams)' are not the states of \(configuration.batchSize) rows"
        )
      }
      states = rows
    }
    let parameters = model.network.stateDictionary
    func moments(_ prefix: String) throws -> StateDictionary {
      let moments = try file.stateDictionary(of: parameters.names, prefix: prefix)
      do {
        try moments.expect(sameNamesAndShapesAs: parameters)
        try moments.expectFinite()
      } catch {
        throw CheckpointError.unusable(file: path, problem: "of the moments '\(prefix)', \(error)")
      }
      return moments
    }
    optimizer = Optimizer(
      step: optimizerStep, first: try moments(Self.first), second: try moments(Self.second),
      constants: configuration.optimizer, muon: configuration.muon)
  }
}

/// State of the training loop.
struct LoopState: Codable, Equatable {
  var step = 0
  var tokens = 0
  /// Random numbers for batches; determines the position in the data.
  var generator: SeededGenerator
  var bestValidationLoss: Double?
  /// Lowest validation loss; that of the best weights is higher where a lower one was not credible.
  var lowestValidationLoss: Double?
  /// Validations since the lowest loss.
  var validationsSinceLowest: Int?
  var skippedUpdates = 0
  var skippedInARow = 0
  /// Sum of losses since the last log line.
  var lossSum = 0.0
  var lossCount = 0
  /// Checksum of the training data.
  var corpusFingerprint: String

  /// Counts a validation.
  mutating func count(_ validationLoss: Double) {
    if validationLoss < lowestValidationLoss ?? .infinity {
      (lowestValidationLoss, validationsSinceLowest) = (validationLoss, 0)
    } else {
      validationsSinceLowest = (validationsSinceLowest ?? 0) + 1
    }
  }

  /// Whether the validation loss has not fallen for `patience` validations.
  func isExhausted(by patience: Int?) -> Bool {
    patience.map { (validationsSinceLowest ?? 0) >= $0 } ?? false
  }

  /// Counts a step.
  mutating func add(_ taken: TrainingStep, tokens count: Int) {
    step += 1
    tokens += count
    if taken.skippedFor == nil {
      skippedInARow = 0
      lossSum += taken.loss
      lossCount += 1
    } else {
      skippedUpdates += 1
      skippedInARow += 1
    }
  }
}
