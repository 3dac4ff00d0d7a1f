import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

/// Checks of text runs, for the other tasks.
@Suite struct TaskTrainerTests {
  /// Twenty steps, with checkpoints, evaluations and log lines at different steps.
  private func interruptible(_ configuration: inout TrainingConfiguration) {
    (configuration.saveEvery, configuration.evaluateEvery, configuration.logEvery) = (4, 6, 3)
    configuration.schedule = .warmUpThenCosine(
      peak: 0.02, warmUpSteps: 7, totalSteps: 20, minimumFraction: 0.1)
    configuration.model.dropout = 0.2
  }

  /// Stops or kills a run, and expects the resumed run to equal the uninterrupted one.
  private func expectExactResumption<Data>(
    begin: (String) throws -> Trainer<Data>, resume: (String) throws -> Trainer<Data>
  ) throws {
    let whole = try withTemporaryDirectory { directory in
      var trainer = try begin(directory)
      #expect(try trainer.run())
      return try remains(in: directory)
    }
    #expect(whole.log.contains { $0.validationLoss != nil })
    for (stop, interruption) in [
      (0, Interruption.stop), (1, .kill), (5, .stop), (6, .kill), (11, .kill), (19, .stop),
    ] {
      try withTemporaryDirectory { directory in
        var first = try begin(directory)
        try first.run(steps: stop, then: interruption)
        var second = try resume(directory)
        #expect(second.step == (interruption == .kill ? (stop - 1) / 4 * 4 : stop))
        #expect(try second.run())
        #expect(try remains(in: directory) == whole)
      }
    }
  }

  @Test func classificationsGoOnExactly() throws {
    try expectExactResumption {
      try classification(steps: 20, in: $0) { configuration in
        interruptible(&configuration)
        configuration.task.classification.nGrams = .init(longest: 3, buckets: 300)
        configuration.task.classification.classWeights = .balanced
      }
    } resume: {
      try Trainer(
        resuming: RunDirectory($0), csv: patternTable(rows: 200), file: "t.csv")
    }
  }

  @Test func forecastsGoOnExactly() throws {
    try expectExactResumption {
      try forecast(steps: 20, in: $0, change: interruptible)
    } resume: {
      try Trainer(resuming: RunDirectory($0), csv: sineTable(rows: 400), file: "s.csv")
    }
  }

  @Test func forecastsWithCarriedStateGoOnExactly() throws {
    try expectExactResumption {
      try forecast(steps: 20, in: $0, lags: [2, 4]) {
        interruptible(&$0)
        $0.carry = Carry()
      }
    } resume: {
      try Trainer(resuming: RunDirectory($0), csv: sineTable(rows: 400), file: "s.csv")
    }
  }

  @Test(arguments: [2, 3])
  func threadsChangeNoBits(threads: Int) throws {
    func results(threads: Int) throws -> [Remains] {
      try computing(threads: threads) {
        try [
          withTemporaryDirectory { directory in
            var trainer = try classification(steps: 5, in: directory) {
              $0.task.classification.nGrams = .init(longest: 3, buckets: 300)
            }
            _ = try trainer.run()
            return try remains(in: directory)
          },
          withTemporaryDirectory { directory in
            var trainer = try forecast(steps: 5, in: directory)
            _ = try trainer.run()
            return try remains(in: directory)
          },
        ]
      }
    }
    #expect(try results(threads: 1) == results(threads: threads))
  }

  @Test func otherTablesAreRefused() throws {
    try withTemporaryDirectory { directory in
      var trainer = try classification(steps: 2, in: directory)
      _ = try trainer.run()
      #expect(throws: TrainingError.anotherText(directory: directory)) {
        try Trainer<ClassificationData>(
          resuming: RunDirectory(directory), csv: patternTable(rows: 201), file: "t.csv"
        ) { $0.steps = 4 }
      }
    }
    try withTemporaryDirectory { directory in
      var trainer = try forecast(steps: 2, in: directory)
      _ = try trainer.run()
      #expect(throws: TrainingError.anotherText(directory: directory)) {
        try Trainer<ForecastData>(
          resuming: RunDirectory(directory), csv: sineTable(rows: 401), file: "s.csv"
        ) { $0.steps = 4 }
      }
      #expect(
        throws: CheckpointError.anotherTask(
          file: directory + "/training.safetensors", expected: .text, found: .forecast)
      ) { try Trainer(resuming: RunDirectory(directory), text: smallText) }
      #expect(try TaskKind(ofRunIn: RunDirectory(directory)) == .forecast)
    }
  }

  @Test func nothingIsMadeOfSettingsThatCannotBe() throws {
    try withTemporaryDirectory { directory in
      let run = directory + "/run"
      #expect(throws: ConfigurationError.self) { try forecast(steps: 1, in: run, horizon: 0) }
      #expect(throws: ForecastError.self) { try forecast(steps: 1, in: run, horizon: 50) }
      #expect(throws: ConfigurationError.tiedHead) {
        try classification(steps: 1, in: run) { $0.model.tiedHead = true }
      }
      // Texts would be truncated only in training.
      #expect(throws: ConfigurationError.beyondLastPosition(tokens: 12, maximumLength: 8)) {
        try classification(steps: 1, in: run) { configuration in
          (configuration.model.positions, configuration.model.maximumLength) = (.learned, 8)
          configuration.blockLength = 8
        }
      }
      #expect(names(in: directory).isEmpty)
    }
  }

  @Test func learnedPositionsAreEnoughForBlocks() throws {
    try withTemporaryDirectory { directory in
      var trainer = try forecast(steps: 2, in: directory) { configuration in
        (configuration.model.positions, configuration.model.maximumLength) = (.learned, 24)
      }
      #expect(try trainer.run())
      let series = NormalisedSeries(
        [Double](repeating: 0, count: 2 * 25), in: trainer.model.network.frame)
      #expect(throws: ConfigurationError.beyondLastPosition(tokens: 25, maximumLength: 24)) {
        try ForecastEvaluation.streaming(trainer.model, over: [series])
      }
    }
  }

  // MARK: - Settings

  @Test func settingsOfEveryTaskAreCoded() throws {
    var classification = ClassificationSettings()
    (classification.pooling, classification.textColumn) = (.last, "review")
    (classification.nGrams, classification.classWeights) = (.init(longest: 2), .balanced)
    var forecast = ForecastSettings()
    (forecast.channels, forecast.horizon, forecast.objective) = (["a"], 7, .absolute)
    for task in [.text, .classify(classification), .forecast(forecast)] as [TaskSettings] {
      var configuration = TrainingConfiguration(model: Configuration(vocabularySize: 3))
      configuration.task = task
      let json = String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self)
      let found = try JSONDecoder().decode(TrainingConfiguration.self, from: Data(json.utf8))
      #expect(found == configuration)
      // Configurations for texts have no key for the task.
      #expect(json.contains("\"task\"") == (task != .text))
    }
  }
}
