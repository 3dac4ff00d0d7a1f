import FoundationEssentials
import LMNAutodiff
import LMNKernels
public import LMNLayers
import LMNModel

/// Training run: a model, its data and an output directory.
public struct Trainer<Data: TrainingData> {
  /// Output directory of the run.
  public let directory: RunDirectory
  let data: Data
  /// The checkpoint's file as this trainer has read or written it; nil before the first.
  private var file: FileIdentity?
  private var checkpoint: TrainingCheckpoint<Data.Model>

  /// The current model.
  public var model: Data.Model { checkpoint.model }
  /// The settings.
  public var configuration: TrainingConfiguration { checkpoint.configuration }
  /// Files with the data, saved in the checkpoint; nil where they are unknown.
  public var dataFiles: DataFiles? {
    get { checkpoint.dataFiles }
    set { checkpoint.dataFiles = newValue }
  }
  /// Number of steps taken.
  public var step: Int { checkpoint.loop.step }
  /// Validation of the best weights so far; nil before they are found by this trainer.
  public private(set) var bestValidation: Validation?
  /// Number of updates skipped because loss or gradient was not finite.
  public var skippedUpdates: Int { checkpoint.loop.skippedUpdates }

  /// A new run.
  ///
  /// - Parameters:
  ///   - configuration: The settings.
  ///   - directory: Output directory, created if missing; must not hold a run.
  ///   - data: Training and validation data.
  ///   - model: Constructs the model, with new parameters.
  /// - Throws: Errors of settings, data or directory.
  public init(
    _ configuration: TrainingConfiguration, in directory: RunDirectory,
    data: @autoclosure () throws -> Data,
    model: (Data, inout SeededGenerator) throws -> Data.Model
  ) throws {
    try configuration.validate()
    guard !directory.holdsRun else { throw TrainingError.occupied(directory: directory.path) }
    self.data = try data()
    self.directory = directory
    var generator = SeededGenerator(seed: configuration.seed)
    let model = try model(self.data, &generator)
    checkpoint = TrainingCheckpoint(
      model: model,
      optimizer: Optimizer(
        for: model.network.stateDictionary, constants: configuration.optimizer,
        muon: configuration.muon),
      loop: .init(generator: generator, corpusFingerprint: self.data.fingerprint),
      configuration: configuration)
    try directory.create()
  }

  /// Resumes the run in `directory` from its checkpoint.
  ///
  /// - Parameters:
  ///   - directory: Directory of the run.
  ///   - change: Changes settings that may change on a resume, such as the number of steps.
  ///   - data: Constructs the run's data, for its model and settings.
  /// - Throws: Errors of checkpoint, settings or data.
  public init(
    resuming directory: RunDirectory,
    change: (inout TrainingConfiguration) throws -> Void = { _ in },
    data: (Data.Model, TrainingConfiguration) throws -> Data
  ) throws {
    file = FileIdentity(directory.training)
    checkpoint = try TrainingCheckpoint(contentsOf: directory.training)
    try change(&checkpoint.configuration)
    try checkpoint.configuration.validate()
    self.data = try data(checkpoint.model, checkpoint.configuration)
    guard self.data.fingerprint == checkpoint.loop.corpusFingerprint else {
      throw TrainingError.anotherText(directory: directory.path)
    }
    guard checkpoint.loop.step < checkpoint.configuration.steps else {
      throw TrainingError.finished(steps: checkpoint.loop.step)
    }
    if checkpoint.loop.isExhausted(by: checkpoint.configuration.patience) {
      throw TrainingError.stoppedEarly(step: checkpoint.loop.step)
    }
    self.directory = directory
  }

  /// Event of a run.
  public typealias Event = TrainingEvent

  /// Trains until all steps are taken, the validation loss has not fallen for the patience of the
  /// settings, or `shouldStop` returns true; it is called before each step.
  ///
  /// - Parameters:
  ///   - shouldStop: Whether to save and return.
  ///   - report: Called for each event.
  /// - Returns: Whether the run has come to its end.
  /// - Throws: ``TrainingError/diverged(step:inARow:tensor:checkpoint:)``,
  ///   ``TrainingError/inUse(directory:)``, or errors of files;
  ///   saved checkpoints are unchanged.
  public mutating func run(
    shouldStop: () -> Bool = { false }, report: (Event) throws -> Void = { _ in }
  ) throws -> Bool {
    let lock = try DirectoryLock(directory.path)
    // Another process may have gone on between the reading of the checkpoint and the lock.
    guard let lock, FileIdentity(directory.training) == file else {
      throw TrainingError.inUse(directory: directory.path)
    }
    defer { withExtendedLifetime(lock) {} }
    if step == 0 { try save() }
    try writeConfiguration()
    let log = try TrainingLog(at: directory.log, after: step)
    let secondsBefore = log.seconds
    let batch = preparedBatch()
    try report(.prepared(byteCount: byteCount(ofStepOn: batch)))
    var evaluation: Data.Batch?
    if step == 0 && data.beginsFitted { _ = try validate(&evaluation) }
    let clock = ContinuousClock()
    let start = clock.now
    var (trainingTime, tokensBefore) = (Duration.zero, checkpoint.loop.tokens)
    while step < configuration.steps {
      if shouldStop() {
        keep(batch)
        try save()
        return false
      }
      let rate = configuration.schedule.rate(at: step)
      var taken: TrainingStep?
      trainingTime += clock.measure { taken = takeStep(batch, learningRate: rate) }
      try report(.step(loss: taken!.loss))
      if let tensor = taken!.skippedFor {
        try report(.skippedUpdate(tensor: tensor))
        if checkpoint.loop.skippedInARow == Self.mostSkippedInARow {
          throw divergence(in: tensor)
        }
      }

      var isLast = step == configuration.steps
      let evaluates = isLast || step.isMultiple(of: configuration.evaluateEvery)
      // Not saved after a skipped update, so that the previous checkpoint stays usable.
      var saves = isLast || taken!.skippedFor == nil && step.isMultiple(of: configuration.saveEvery)
      if evaluates || saves { keep(batch) }
      if evaluates || step.isMultiple(of: configuration.logEvery) {
        var record = record(of: taken!, learningRate: rate)
        record.routers = batch.routers.map {
          RouterRecord(balance: $0.balance, shares: $0.shares)
        }
        let seconds = trainingTime / .seconds(1)
        record.tokensPerSecond = Double(checkpoint.loop.tokens - tokensBefore) / seconds
        (trainingTime, tokensBefore) = (.zero, checkpoint.loop.tokens)
        if evaluates { try evaluate(&evaluation, into: &record) }
        let isDiverged = evaluates && record.validationLoss == nil
        record.peakMemoryBytes = peakMemoryBytes()
        record.seconds = secondsBefore + (clock.now - start) / .seconds(1)
        try log.append(record)
        try report(.record(record))
        if isDiverged { throw divergence(in: "validation loss") }
        if evaluates && checkpoint.loop.isExhausted(by: configuration.patience) {
          (isLast, saves) = (true, true)
        }
      }
      if isLast, let tensor = taken!.skippedFor { throw divergence(in: tensor) }
      if isLast { try finishBest() }
      if saves { try save() }
      if isLast { break }
    }
    return true
  }

  /// Predicted peak memory of a step in bytes: parameters, gradients and moments, and the memory of
  /// the recordings of the next step.
  public var stepByteCount: Int { byteCount(ofStepOn: preparedBatch()) }

  /// A batch with the recordings of the next step.
  private func preparedBatch() -> Data.Batch {
    let batch = data.batch(.valueAndGradient, at: model.network, for: configuration)
    // Position 0 is the beginning of a stream.
    batch.states = checkpoint.states.map { $0.position == 0 ? nil : $0 }
    batch.prepare()
    return batch
  }

  private func byteCount(ofStepOn batch: Data.Batch) -> Int {
    // A value and two moments of each parameter, and those of Muon, beside those of the batch.
    let copies = configuration.muon == nil ? 3 : 5
    return batch.byteCount + copies * model.network.parameterCount * MemoryLayout<Float>.size
  }

  /// Number of consecutive skipped updates after which a run stops.
  static var mostSkippedInARow: Int { 5 }

  private mutating func keep(_ batch: Data.Batch) {
    batch.store(to: &checkpoint.model.network)
    guard configuration.carry != nil, step > 0 else { return }
    checkpoint.states = batch.states.map { $0 ?? model.network.stateStructure.initialState }
  }

  private mutating func takeStep(_ batch: Data.Batch, learningRate: Float) -> TrainingStep {
    let settings = configuration
    data.fill(batch, forStep: step, of: settings, using: &checkpoint.loop.generator)
    let taken = checkpoint.optimizer.takeStep(
      on: batch, number: step, seed: settings.seed, learningRate: learningRate,
      clipping: settings.gradientClipping)
    checkpoint.loop.add(taken, tokens: settings.tokensPerStep)
    return taken
  }

  private mutating func record(of step: TrainingStep, learningRate: Float) -> TrainingRecord {
    let loop = checkpoint.loop
    checkpoint.loop.lossSum = 0
    checkpoint.loop.lossCount = 0
    return TrainingRecord(
      step: loop.step, tokens: loop.tokens,
      loss: loop.lossCount > 0 ? loop.lossSum / Double(loop.lossCount) : nil,
      learningRate: learningRate,
      gradientNorm: step.gradientNorm.isFinite ? step.gradientNorm : nil)
  }

  /// Measures the losses, reusing the recorded batch `batch` where they need one; saves the best
  /// weights.
  private mutating func evaluate(
    _ batch: inout Data.Batch?, into record: inout TrainingRecord
  ) throws {
    if configuration.evaluatesTrainingText {
      record.loss = finite(meanLoss(&batch, of: .training))
    }
    let validation = try validate(&batch)
    record.validationLoss = finite(validation.loss)
    record.classification = validation.classification
    record.forecast = validation.forecast
  }

  /// Measures the validation loss, and saves the weights if they are the best.
  private mutating func validate(_ batch: inout Data.Batch?) throws -> Validation {
    let validation =
      try data.validation(of: model, for: configuration)
      ?? Validation(loss: meanLoss(&batch, of: .validation))
    checkpoint.loop.count(validation.loss)
    let best = checkpoint.loop.bestValidationLoss
    // The first has nothing to be better than.
    if validation.loss < best ?? .infinity, validation.isCredible || best == nil {
      checkpoint.loop.bestValidationLoss = validation.loss
      bestValidation = validation
      try checkpoint.model.write(to: directory.best)
    }
    return validation
  }

  /// Refines the best model by all data; a second time it makes no difference.
  private func finishBest() throws {
    guard data.beginsFitted else { return }
    let best = try Data.Model(contentsOf: directory.best)
    try data.finished(best)?.write(to: directory.best)
  }

  /// Mean loss over random batches, drawn from seed and step only, so that evaluations do not
  /// affect training.
  private func meanLoss(_ kept: inout Data.Batch?, of split: Split) -> Double {
    let batch = kept ?? data.batch(.value, at: model.network, for: configuration)
    batch.load(model.network)
    kept = batch
    var generator = SeededGenerator(seed: configuration.seed ^ UInt64(step) << 32)
    var sum = 0.0
    for _ in 0..<configuration.evaluationBatches {
      data.fill(batch.inputs, of: split, using: &generator)
      sum += batch.run()
    }
    return sum / Double(configuration.evaluationBatches)
  }

  private func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

  private func divergence(in tensor: String) -> TrainingError {
    .diverged(
      step: step, inARow: checkpoint.loop.skippedInARow, tensor: tensor,
      checkpoint: directory.training)
  }

  /// Saves the run; throws if weights or moments are not finite.
  private mutating func save() throws {
    for values in [checkpoint.model.network.stateDictionary, checkpoint.optimizer.second] {
      for (name, tensor) in zip(values.names, values.tensors)
      where !tensor.scalars.allSatisfy(\.isFinite) {
        throw divergence(in: name)
      }
    }
    // The checkpoint comes last: where it says that all steps are taken, no resume writes any
    // weights again. It comes first where it makes the directory that of a run.
    if step > 0 { try checkpoint.model.write(to: directory.model) }
    try checkpoint.write(to: directory.training)
    file = FileIdentity(directory.training)
    if step == 0 { try checkpoint.model.write(to: directory.model) }
  }

  private func writeConfiguration() throws {
    let text = try sortedJSON(configuration, formatting: .prettyPrinted)
    try AtomicFile.write(Array((text + "\n").utf8), to: directory.configuration)
  }
}

/// Event of a training run.
public enum TrainingEvent: Sendable {
  /// The first step can be taken; `byteCount` is the predicted peak memory of a step.
  case prepared(byteCount: Int)
  /// A step was taken, with the loss of its batch.
  case step(loss: Double)
  /// A record was added to the log.
  case record(TrainingRecord)
  /// An update was skipped; `tensor` is the first value that is not finite.
  case skippedUpdate(tensor: String)
}
