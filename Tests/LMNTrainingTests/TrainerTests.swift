import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct TrainerTests {
  private let tokenizer: Tokenizer
  private let text = smallText

  init() throws {
    tokenizer = .characters(try Vocabulary(of: smallText))
  }

  private func trainer(
    _ configuration: TrainingConfiguration, in directory: String
  ) throws -> Trainer {
    try Trainer(configuration, text: text, tokenizer: tokenizer, in: RunDirectory(directory))
  }

  /// All lines of a run's log.
  private func log(in directory: String) throws -> [TrainingRecord] {
    try AtomicFile.contents(of: directory + "/log.jsonl").split(separator: UInt8(ascii: "\n"))
      .map { try JSONDecoder().decode(TrainingRecord.self, from: Data($0)) }
  }

  /// All that a run leaves behind, but for what a clock or the system measured.
  private struct Remains: Equatable {
    let weights, best, training: [UInt8]
    let log: [TrainingRecord]
  }

  private func remains(in directory: String) throws -> Remains {
    let run = RunDirectory(directory)
    return Remains(
      weights: try AtomicFile.contents(of: run.model), best: try AtomicFile.contents(of: run.best),
      training: try AtomicFile.contents(of: run.training),
      log: try log(in: directory).map { record in
        var record = record
        (record.tokensPerSecond, record.peakMemoryBytes) = (nil, nil)
        return record
      })
  }

  /// What a run that nothing interrupts leaves behind.
  private func remains(of configuration: TrainingConfiguration) throws -> Remains {
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      #expect(try trainer.run())
      return try remains(in: directory)
    }
  }

  /// Twenty steps, whose checkpoints, evaluations and log lines fall on different ones.
  private func interruptible() throws -> TrainingConfiguration {
    var configuration = try TrainingConfiguration.small(steps: 20)
    (configuration.saveEvery, configuration.evaluateEvery, configuration.logEvery) = (4, 6, 3)
    configuration.schedule = .warmUpThenCosine(
      peak: 0.02, warmUpSteps: 7, totalSteps: 20, minimumFraction: 0.1)
    return configuration
  }

  // MARK: - Learning

  @Test func learnsTheBuiltInGrammar() throws {
    var configuration = try TrainingConfiguration.small(steps: 120)
    configuration.evaluateEvery = 120
    configuration.logEvery = 10
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      #expect(try trainer.run())
      let log = try log(in: directory)
      let (first, last) = (try #require(log.first?.loss), try #require(log.last))
      // The first of these is near log V = 3.7 nats.
      #expect(first > 3 && last.loss! < first - 0.6, "\(first) → \(last.loss!)")
      #expect(last.validationLoss! < first - 0.5)
      #expect(trainer.skippedUpdates == 0 && trainer.step == 120)
    }
  }

  @Test(arguments: [2, 3])
  func threadsChangeNoBits(threads: Int) throws {
    let configuration = try TrainingConfiguration.small(steps: 6)
    let one = try computing(threads: 1) { try remains(of: configuration) }
    let many = try computing(threads: threads) { try remains(of: configuration) }
    #expect(one == many)
  }

  @Test func seedsRepeatAndDiffer() throws {
    var configuration = try TrainingConfiguration.small(steps: 3)
    let first = try remains(of: configuration)
    #expect(try remains(of: configuration) == first)
    configuration.seed = 2
    #expect(try remains(of: configuration).weights != first.weights)
  }

  /// With initial weights, the first loss is that of the first batch of the run's generator.
  @Test func clippingBoundsTheGradient() throws {
    var configuration = try TrainingConfiguration.small(steps: 1)
    configuration.optimizer.epsilon = 1
    configuration.optimizer.weightDecay = 0
    func change(clipping: Float?) throws -> Double {
      configuration.gradientClipping = clipping
      return try withTemporaryDirectory { directory in
        var trainer = try trainer(configuration, in: directory)
        let before = trainer.model.network.stateDictionary
        _ = try trainer.run()
        return zip(before.tensors, trainer.model.network.stateDictionary.tensors)
          .reduce(0) { sum, pair in
            zip(pair.0.doubles, pair.1.doubles).reduce(sum) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          }.squareRoot()
      }
    }
    // With so large an epsilon the first step is nearly the gradient times the rate.
    let (free, clipped) = (try change(clipping: nil), try change(clipping: 0.01))
    #expect(abs(clipped - 0.01 * 0.01) < 2e-6)
    #expect(free > 5 * clipped)
    #expect(try change(clipping: 1000) == free)
  }

  // MARK: - The log

  @Test func logHasTheKeysOfWhatWasMeasured() throws {
    var configuration = try TrainingConfiguration.small(steps: 12)
    (configuration.logEvery, configuration.evaluateEvery) = (4, 6)
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      _ = try trainer.run()
      let lines = try AtomicFile.contents(of: directory + "/log.jsonl")
        .split(separator: UInt8(ascii: "\n"))
        .map { try JSONDecoder().decode([String: Double].self, from: Data($0)) }
      #expect(lines.map { $0["step"] } == [4, 6, 8, 12])
      #expect(lines.map { $0["tokens"] } == [4, 6, 8, 12].map { $0 * 48 })
      let always: Set = [
        "step", "tokens", "loss", "learning_rate", "gradient_norm", "tokens_per_second",
        "peak_memory_bytes",
      ]
      for line in lines {
        let evaluates = line["step"]!.truncatingRemainder(dividingBy: 6) == 0
        #expect(Set(line.keys) == (evaluates ? always.union(["validation_loss"]) : always))
        #expect(line.values.allSatisfy { $0 > 0 })
      }
    }
  }

  @Test func logHoldsTheMeanOfTheLosses() throws {
    var configuration = try TrainingConfiguration.small(steps: 8)
    configuration.logEvery = 4
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      var losses: [Double] = []
      _ = try trainer.run(report: { event in
        if case .step(let loss) = event { losses.append(loss) }
      })
      let expected = [losses[..<4], losses[4...]].map { $0.reduce(0, +) / 4 }
      #expect(try log(in: directory).map(\.loss) == expected)
    }
  }

  /// As table 1 asks for.
  @Test func trainingTextCanBeMeasuredLikeTheOther() throws {
    var configuration = try TrainingConfiguration.small(steps: 8)
    (configuration.logEvery, configuration.evaluateEvery) = (4, 8)
    let plain = try remains(of: configuration)
    configuration.evaluatesTrainingText = true
    let measured = try remains(of: configuration)
    #expect(measured.log[0] == plain.log[0])
    #expect(measured.log[1].validationLoss == plain.log[1].validationLoss)
    #expect(measured.log[1].loss != plain.log[1].loss)
    #expect(measured.weights == plain.weights)
  }

  // MARK: - Checkpoints

  @Test func bestIsTheModelOfTheLowestValidationLoss() throws {
    var configuration = try TrainingConfiguration.small(steps: 14)
    // So large a rate goes up and down.
    configuration.schedule = .constant(rate: 3)
    configuration.evaluateEvery = 1
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      var best = (loss: Double.infinity, step: 0)
      _ = try trainer.run(report: { event in
        guard case .record(let record) = event, let loss = record.validationLoss else { return }
        if loss < best.loss { best = (loss, record.step) }
      })
      #expect(best.step < 14)
      let found = try LanguageModel(contentsOf: RunDirectory(directory).best)
      try withTemporaryDirectory { directory in
        var trainer = try self.trainer(configuration, in: directory)
        var steps = 0
        _ = try trainer.run(shouldStop: { steps == best.step }) { event in
          if case .step = event { steps += 1 }
        }
        #expect(trainer.model.network.stateDictionary == found.network.stateDictionary)
      }
    }
  }

  @Test func modelFileIsThatOfTheLastStep() throws {
    try withTemporaryDirectory { directory in
      var trainer = try trainer(.small(steps: 5), in: directory)
      let before = trainer.model.network.stateDictionary
      _ = try trainer.run()
      let found = try LanguageModel(contentsOf: directory)
      #expect(found.network.stateDictionary == trainer.model.network.stateDictionary)
      #expect(found.network.stateDictionary != before)
      #expect(found.tokenizer == tokenizer)
      #expect(
        names(in: directory) == [
          "best.safetensors", "configuration.json", "log.jsonl", "model.safetensors",
          "training.safetensors",
        ])
    }
  }

  @Test(arguments: [0, 1, 3, 4, 7, 12, 19])
  func stoppedRunsGoOnExactly(stop: Int) throws {
    let configuration = try interruptible()
    let whole = try remains(of: configuration)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      var steps = 0
      let isComplete = try first.run(shouldStop: { steps == stop }) { event in
        if case .step = event { steps += 1 }
      }
      #expect(!isComplete && first.step == stop)
      var second = try Trainer(resuming: RunDirectory(directory), text: text)
      #expect(second.step == stop)
      #expect(try second.run())
      #expect(try remains(in: directory) == whole)
    }
  }

  private struct Kill: Error {}

  /// Between checkpoints, too: what came after the last one is done again.
  @Test(arguments: [1, 4, 6, 11, 18])
  func killedRunsGoOnExactly(stop: Int) throws {
    let configuration = try interruptible()
    let whole = try remains(of: configuration)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      var steps = 0
      #expect(throws: Kill.self) {
        try first.run(report: { event in
          if case .step = event { steps += 1 }
          if steps == stop { throw Kill() }
        })
      }
      var second = try Trainer(resuming: RunDirectory(directory), text: text)
      #expect(second.step == (stop - 1) / 4 * 4)
      #expect(try second.run())
      #expect(try remains(in: directory) == whole)
    }
  }

  @Test func finishedRunsGoOnWithMoreSteps() throws {
    var configuration = try TrainingConfiguration.small(steps: 12)
    configuration.evaluateEvery = 6
    let whole = try remains(of: configuration)
    configuration.steps = 6
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      #expect(try first.run())
      #expect(throws: TrainingError.finished(steps: 6)) {
        try Trainer(resuming: RunDirectory(directory), text: text)
      }
      var second = try Trainer(resuming: RunDirectory(directory), text: text) { $0.steps = 12 }
      #expect(try second.run())
      let found = try remains(in: directory)
      #expect(found.training == whole.training && found.weights == whole.weights)
      #expect(found.best == whole.best)
    }
  }

  /// A line that was being written when the process died is no obstacle.
  @Test func cutLogsAreMended() throws {
    let configuration = try interruptible()
    let whole = try remains(of: configuration)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      var steps = 0
      #expect(throws: Kill.self) {
        try first.run(report: { event in
          if case .step = event { steps += 1 }
          if steps == 10 { throw Kill() }
        })
      }
      let log = directory + "/log.jsonl"
      try AtomicFile.write(
        try AtomicFile.contents(of: log) + Array(#"{"step":12,"lo"#.utf8), to: log)
      var second = try Trainer(resuming: RunDirectory(directory), text: text)
      _ = try second.run()
      #expect(try remains(in: directory) == whole)
    }
  }

  // MARK: - What is refused

  @Test func anotherTextIsRefused() throws {
    try withTemporaryDirectory { directory in
      var first = try trainer(.small(steps: 2), in: directory)
      _ = try first.run()
      let before = try files(in: directory)
      var other = text
      other.swapAt(100, 101)
      #expect(text != other)
      #expect(throws: TrainingError.anotherText(directory: directory)) {
        try Trainer(resuming: RunDirectory(directory), text: other) { $0.steps = 4 }
      }
      #expect(throws: TrainingError.anotherText(directory: directory)) {
        try Trainer(resuming: RunDirectory(directory), text: text + text) { $0.steps = 4 }
      }
      #expect(throws: TokenizerError.self) {
        try Trainer(resuming: RunDirectory(directory), text: text + [0x40]) { $0.steps = 4 }
      }
      #expect(throws: CorpusError.empty) {
        try Trainer(resuming: RunDirectory(directory), text: []) { $0.steps = 4 }
      }
      #expect(try files(in: directory) == before)
    }
  }

  @Test func directoriesInUseAreRefused() throws {
    for name in ["model.safetensors", "best.safetensors", "training.safetensors", "log.jsonl"] {
      try withTemporaryDirectory { directory in
        try AtomicFile.write([1, 2, 3], to: "\(directory)/\(name)")
        #expect(throws: TrainingError.occupied(directory: directory)) {
          try trainer(.small(steps: 2), in: directory)
        }
        #expect(try files(in: directory) == [name: Data([1, 2, 3])])
      }
    }
  }

  @Test func nothingIsMadeForARunThatCannotBegin() throws {
    try withTemporaryDirectory { directory in
      let run = RunDirectory(directory + "/run")
      let configuration = try TrainingConfiguration.small(steps: 2)
      #expect(throws: CorpusError.empty) {
        try Trainer(configuration, text: [], tokenizer: tokenizer, in: run)
      }
      #expect(throws: CorpusError.self) {
        try Trainer(configuration, text: Array(text[..<100]), tokenizer: tokenizer, in: run)
      }
      #expect(throws: TokenizerError.self) {
        try Trainer(configuration, text: text + [0x40], tokenizer: tokenizer, in: run)
      }
      #expect(throws: TrainingError.self) {
        try Trainer(.small(steps: 0), text: text, tokenizer: tokenizer, in: run)
      }
      #expect(names(in: directory).isEmpty)
    }
  }

  @Test func directoriesAreMadeAllTheWay() throws {
    try withTemporaryDirectory { directory in
      _ = try trainer(.small(steps: 1), in: directory + "/some/run")
      #expect(names(in: directory + "/some") == ["run"])
      try AtomicFile.write([], to: directory + "/file")
      let error = #expect(throws: FileError.self) {
        try trainer(.small(steps: 1), in: directory + "/file/run")
      }
      #expect(error?.description == "cannot create \(directory)/file/run: Not a directory")
    }
  }

  /// Counts that would overflow or index beyond what there is.
  @Test(arguments: [
    ("loop", #""step":2"#, #""step":-2"#),
    ("loop", #""tokens":96"#, #""tokens":9223372036854775807"#),
    ("loop", #""skippedUpdates":0"#, #""skippedUpdates":9223372036854775807"#),
    ("optimizer_step", "2", "-7"), ("training", #""steps":2"#, #""steps":-1"#),
    ("training", #""saveEvery":250"#, #""saveEvery":0"#), ("training", "{", "["),
    ("loop", #""generator":"#, #""generator":"00","x":"#),
  ])
  func hostileCheckpointsAreRefused(key: String, found: String, forged: String) throws {
    try withTemporaryDirectory { directory in
      var first = try trainer(.small(steps: 2), in: directory)
      _ = try first.run()
      let path = RunDirectory(directory).training
      var file = try Safetensors(contentsOf: path)
      let value = try #require(file.metadata[key])
      #expect(value.contains(found))
      file.metadata[key] = value.replacing(found, with: forged)
      try file.write(to: path)
      let before = try files(in: directory)
      let error = #expect(throws: (any Error).self) {
        try Trainer(resuming: RunDirectory(directory), text: text) { $0.steps += 2 }
      }
      #expect(!"\(try #require(error))".contains("\n"))
      #expect(try files(in: directory) == before)
    }
  }

  // MARK: - Values that are not finite

  /// The first update sends the weights so far away that every later loss overflows.
  private func diverging() throws -> TrainingConfiguration {
    var configuration = try TrainingConfiguration.small(steps: 20)
    configuration.schedule = .constant(rate: 1e30)
    configuration.logEvery = 1
    return configuration
  }

  private let divergence = { (directory: String) in
    TrainingError.diverged(
      step: 6, inARow: 5, tensor: "loss", checkpoint: directory + "/training.safetensors")
  }

  @Test(arguments: [1, 250])
  func divergingRunsStopWithTheLastGoodCheckpoint(saveEvery: Int) throws {
    var configuration = try diverging()
    configuration.saveEvery = saveEvery
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      var skipped: [String] = []
      #expect(throws: divergence(directory)) {
        try trainer.run(report: { event in
          if case .skippedUpdate(let tensor) = event { skipped.append(tensor) }
        })
      }
      #expect(trainer.skippedUpdates == 5)
      #expect(skipped == [String](repeating: "loss", count: 5))

      let log = try log(in: directory)
      #expect(log.map(\.step) == [1, 2, 3, 4, 5])
      #expect(log.map { $0.loss != nil } == [true, false, false, false, false])
      #expect(log.map { $0.gradientNorm != nil } == [true, false, false, false, false])

      let saved = try Trainer(resuming: RunDirectory(directory), text: text)
      #expect(saved.step == (saveEvery == 1 ? 1 : 0))
      let loaded = try LanguageModel(contentsOf: directory)
      for model in [saved.model, loaded] {
        let tensors = model.network.stateDictionary.tensors
        #expect(tensors.allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
      }
    }
  }

  @Test func skippedUpdatesAreCountedAcrossAStop() throws {
    try withTemporaryDirectory { directory in
      var first = try trainer(diverging(), in: directory)
      var steps = 0
      let isComplete = try first.run(shouldStop: { steps == 3 }) { event in
        if case .step = event { steps += 1 }
      }
      #expect(!isComplete && first.skippedUpdates == 2)
      var second = try Trainer(resuming: RunDirectory(directory), text: text)
      #expect(second.skippedUpdates == 2)
      #expect(throws: divergence(directory)) { try second.run() }
      #expect(second.skippedUpdates == 5)
    }
  }

  /// Weights that no float32 holds never reach a file.
  @Test func infiniteWeightsAreNotSaved() throws {
    var configuration = try diverging()
    configuration.schedule = .constant(rate: .greatestFiniteMagnitude)
    configuration.optimizer.weightDecay = 1000
    configuration.saveEvery = 1
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      #expect(throws: TrainingError.self) { try trainer.run() }
      let weights = trainer.model.network.stateDictionary.tensors
      #expect(!weights.allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
      #expect(try Trainer(resuming: RunDirectory(directory), text: text).step == 0)
    }
  }

  /// With a head this large the loss still fits, but what flows back from it does not.
  @Test func firstTensorWithoutFiniteGradientIsNamed() throws {
    try withTemporaryDirectory { directory in
      var configuration = try diverging()
      configuration.schedule = .constant(rate: 1e-3)
      configuration.gradientClipping = nil
      var trainer = try trainer(configuration, in: directory)
      _ = try trainer.run(shouldStop: { true })
      var checkpoint = try TrainingCheckpoint(contentsOf: RunDirectory(directory).training)
      checkpoint.model.network.head.weight = Variable(
        constant: checkpoint.model.network.head.weight.value.scaled(by: 1e38))
      checkpoint.model.network.finalNorm.gain = Variable(
        constant: checkpoint.model.network.finalNorm.gain.value.scaled(by: 0.1))
      try checkpoint.write(to: RunDirectory(directory).training)
      var resumed = try Trainer(resuming: RunDirectory(directory), text: text)
      let error = #expect(throws: TrainingError.self) { try resumed.run() }
      guard case .diverged(let step, let inARow, let tensor, _) = error else { return }
      #expect(step == 5 && inARow == 5)
      #expect(resumed.model.network.stateDictionary.names.contains(tensor), "\(tensor)")
    }
  }
}
