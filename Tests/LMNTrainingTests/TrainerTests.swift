import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct TrainerTests {
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
      // The first loss is near log V = 3.7 nats.
      #expect(first > 3 && last.loss! < first - 0.6, "\(first) → \(last.loss!)")
      #expect(last.validationLoss! < first - 0.5)
      #expect(trainer.skippedUpdates == 0 && trainer.step == 120)
    }
  }

  @Test(arguments: [2, 3], [nil, MuonConstants()])
  func threadsChangeNoBits(threads: Int, muon: MuonConstants?) throws {
    var configuration = try TrainingConfiguration.small(steps: 6)
    configuration.muon = muon
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
    // With an epsilon this large the first step is nearly the gradient times the learning rate.
    let (free, clipped) = (try change(clipping: nil), try change(clipping: 0.01))
    #expect(abs(clipped - 0.01 * 0.01) < 2e-6)
    #expect(free > 5 * clipped)
    #expect(try change(clipping: 1000) == free)
  }

  /// Dropout draws differ between steps and between batch items.
  ///
  /// The windows of a text of one character are equal, and the learning rate is too small to change
  /// weights.
  @Test func dropoutDiffersByStepAndMember() throws {
    func losses(batchSize: Int, dropout: Float) throws -> [Double] {
      var configuration = try TrainingConfiguration.small(steps: 4)
      configuration.schedule = .constant(rate: 1e-30)
      (configuration.batchSize, configuration.model.dropout) = (batchSize, dropout)
      return try withTemporaryDirectory { directory in
        var losses: [Double] = []
        var trainer = try trainer(
          configuration, over: .init(repeating: smallText[0], count: 300), in: directory)
        _ = try trainer.run(report: { event in
          if case .step(let loss) = event { losses.append(loss) }
        })
        return losses
      }
    }
    func spread(_ losses: [Double]) -> Double { losses.max()! - losses.min()! }
    let whole = try losses(batchSize: 1, dropout: 0)
    #expect(spread(whole) < 1e-12)
    let pair = try losses(batchSize: 2, dropout: 0)
    #expect(abs(pair[0] - whole[0]) < 1e-6)
    let one = try losses(batchSize: 1, dropout: 0.3)
    let two = try losses(batchSize: 2, dropout: 0.3)
    for (step, loss) in one.enumerated() {
      #expect(one[..<step].allSatisfy { abs($0 - loss) > 1e-4 }, "step \(step)")
      #expect(abs(two[step] - loss) > 1e-4, "step \(step)")
    }
  }

  /// Mean losses over one and two windows; the learning rate is too small to change weights.
  @Test func validationWindowsDiffer() throws {
    func loss(batches: Int, of size: Int) throws -> Double {
      var configuration = try TrainingConfiguration.small(steps: 1)
      configuration.schedule = .constant(rate: 1e-30)
      (configuration.evaluationBatches, configuration.batchSize) = (batches, size)
      return try #require(try remains(of: configuration).log.last?.validationLoss)
    }
    let one = try loss(batches: 1, of: 1)
    let (members, batches) = (try loss(batches: 1, of: 2), try loss(batches: 2, of: 1))
    #expect(abs(members - one) > 1e-4 && abs(batches - one) > 1e-4)
    #expect(abs(members - batches) < 1e-6)
  }

  @Test func droppingRepeatsOnAnyThreads() throws {
    var configuration = try TrainingConfiguration.small(steps: 6)
    let whole = try remains(of: configuration)
    configuration.model.dropout = 0.3
    let one = try computing(threads: 1) { try remains(of: configuration) }
    #expect(one.weights != whole.weights)
    for threads in 2...3 {
      #expect(try computing(threads: threads) { try remains(of: configuration) } == one)
    }
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
        "peak_memory_bytes", "seconds",
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
    (configuration.logEvery, configuration.evaluateEvery) = (4, 6)
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      var losses: [Double] = []
      _ = try trainer.run(report: { event in
        if case .step(let loss) = event { losses.append(loss) }
      })
      let expected = [losses[..<4], losses[4..<6], losses[6...]]
        .map { $0.reduce(0, +) / Double($0.count) }
      #expect(try log(in: directory).map(\.loss) == expected)
    }
  }

  /// The training text is evaluated too, as with table1.
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

  /// The training part has one character, the validation part another one.
  @Test func validationMeasuresWhatIsNotLearned() throws {
    var configuration = try TrainingConfiguration.small(steps: 40)
    configuration.evaluatesTrainingText = true
    configuration.schedule = .constant(rate: 0.05)
    let (learned, other) = (smallText[0], smallText[1])
    let text = [UInt8](repeating: learned, count: 900) + [UInt8](repeating: other, count: 100)
    let record = try #require(try remains(of: configuration, over: text).log.last)
    #expect(learned != other && record.loss! < 0.5 && record.validationLoss! > 4)
  }

  // MARK: - Checkpoints

  @Test func bestIsTheModelOfTheLowestValidationLoss() throws {
    var configuration = try TrainingConfiguration.small(steps: 14)
    // The loss oscillates at this learning rate.
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
        var trainer = try LMNTrainingTests.trainer(configuration, in: directory)
        var steps = 0
        _ = try trainer.run(shouldStop: { steps == best.step }) { event in
          if case .step = event { steps += 1 }
        }
        #expect(trainer.model.network.stateDictionary == found.network.stateDictionary)
      }
    }
  }

  /// A run stopped after its lowest validation loss keeps its best model when resumed.
  @Test func resumedRunsKeepTheBestLoss() throws {
    var configuration = try TrainingConfiguration.small(steps: 14)
    configuration.schedule = .constant(rate: 3)
    configuration.evaluateEvery = 1
    let whole = try remains(of: configuration)
    let best = try #require(whole.log.min { $0.validationLoss! < $1.validationLoss! }).step
    #expect(best < 14)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      try first.run(steps: best, then: .stop)
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
      #expect(try second.run())
      #expect(try remains(in: directory) == whole)
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
      #expect(found.tokenizer == smallTokenizer)
      #expect(
        names(in: directory) == [
          "best.safetensors", "configuration.json", "log.jsonl", "model.safetensors",
          "training.safetensors",
        ])
    }
  }

  @Test(arguments: [0, 1, 3, 4, 7, 12, 19], [0, 0.3] as [Float])
  func stoppedRunsGoOnExactly(stop: Int, dropout: Float) throws {
    var configuration = try interruptible()
    configuration.model.dropout = dropout
    try expectExactContinuation(of: configuration, stoppedAt: stop)
  }

  @Test func stoppedRunsOfMuonGoOnExactly() throws {
    var configuration = try interruptible()
    let other = try remains(of: configuration)
    configuration.muon = MuonConstants()
    #expect(try remains(of: configuration).weights != other.weights)
    try expectExactContinuation(of: configuration, stoppedAt: 7)
  }

  private func expectExactContinuation(
    of configuration: TrainingConfiguration, stoppedAt stop: Int
  ) throws {
    let whole = try remains(of: configuration)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      try first.run(steps: stop, then: .stop)
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
      #expect(second.step == stop)
      #expect(try second.run())
      #expect(try remains(in: directory) == whole)
    }
  }

  /// Steps after the last checkpoint are repeated.
  @Test(arguments: [1, 4, 6, 11, 18])
  func killedRunsGoOnExactly(stop: Int) throws {
    let configuration = try interruptible()
    let whole = try remains(of: configuration)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      try first.run(steps: stop, then: .kill)
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
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
        try Trainer(resuming: RunDirectory(directory), text: smallText)
      }
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText) { $0.steps = 12 }
      #expect(try second.run())
      let found = try remains(in: directory)
      #expect(found.training == whole.training && found.weights == whole.weights)
      #expect(found.best == whole.best)
    }
  }

  /// A line that was incomplete when the process ended is removed.
  @Test func cutLogsAreMended() throws {
    let configuration = try interruptible()
    let whole = try remains(of: configuration)
    try withTemporaryDirectory { directory in
      var first = try trainer(configuration, in: directory)
      try first.run(steps: 10, then: .kill)
      let log = directory + "/log.jsonl"
      try AtomicFile.write(
        try AtomicFile.contents(of: log) + Array(#"{"step":12,"lo"#.utf8), to: log)
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
      _ = try second.run()
      #expect(try remains(in: directory) == whole)
    }
  }
}
