import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct ForecastTests {
  private func data(
    _ values: [Double], channels: Int = 1, horizon: Int = 2, blockLength: Int = 4
  ) throws -> ForecastData {
    let names = (0..<channels).map { "c\($0)" }
    let rows = stride(from: 0, to: values.count, by: channels).map { row in
      values[row..<row + channels].map { "\($0)" }.joined(separator: ",") + "\n"
    }
    let series = try Series(
      csv: Array((names.joined(separator: ",") + "\n" + rows.joined()).utf8), file: "s.csv")
    var settings = ForecastSettings()
    settings.horizon = horizon
    return try ForecastData([series], settings, blockLength: blockLength, file: "s.csv")
  }

  /// Lags without a linear map: the zero map is no peer that a memory has to improve on.
  @Test func aMemoryWithoutMapIsJudgedByItsLossAlone() throws {
    let series = try Series(csv: sineTable(rows: 400), file: "s.csv")
    for (windows, isCredible) in [([], true), ([2], false)] {
      var settings = ForecastSettings()
      (settings.network.lags, settings.lagWindows) = (2, windows)
      settings.network.normalisation = .last
      let configuration = TrainingConfiguration.small(
        .forecast(settings), vocabularySize: 2, steps: 1)
      try withTemporaryDirectory { directory in
        let trainer = try Trainer(
          configuration, series: [series], file: "s.csv", in: RunDirectory(directory))
        // A new memory is zero, so it does not improve on anything.
        let validation = try trainer.data.validation(of: trainer.model, for: configuration)
        #expect(validation?.isCredible == isCredible)
      }
    }
  }

  // MARK: - Data

  /// The split is by time; the normalisation is that of the training part.
  @Test func theEndIsForValidation() throws {
    let data = try data((0..<45).map(Double.init) + [1000, 1000, 1000, 1000, 1000])
    #expect(data[.training].count == 45 && data[.validation].count == 5)
    #expect(data.frame.normalisation.mean[0] == 22)
    #expect(data[.training].first! < -1.6 && data[.training].last! > 1.6)
    #expect(data[.validation].allSatisfy { $0 > 50 })
  }

  @Test func windowsStayInTheirSplit() throws {
    // Each split has values that identify it.
    let data = try data((0..<45).map(Double.init) + [1000, 1001, 1002, 1003, 1004])
    let batch = [SeriesWindow(length: 4, in: data.frame)]
    var generator = SeededGenerator(seed: 1)
    var (starts, hasMissing): (Set<Float>, Bool) = ([], false)
    for _ in 0..<2000 {
      data.fill(batch, of: .training, using: &generator)
      starts.insert(batch[0].inputs.scalars[0])
      #expect((batch[0].inputs.scalars + batch[0].targets.scalars).allSatisfy { $0 < 2 })
      hasMissing = hasMissing || batch[0].weights.scalars.contains(0)
    }
    // All places with at least one target.
    #expect(starts.count == 45 - 4 && hasMissing)
    data.fill(batch, of: .validation, using: &generator)
    #expect(batch[0].inputs.scalars.allSatisfy { $0 > 50 })
  }

  /// Values whose deviation overflows, or that are too far from the others for float32.
  @Test(arguments: [1.7e308, 1e60])
  func valuesThatCannotBeNormalisedAreNamed(value: Double) throws {
    let values = (0..<45).map(Double.init) + [1, 1, value, 1, 1]
    #expect(
      throws: ForecastError.tooLarge(channel: "c0", row: 48, value: value)
    ) { try data(values) }
    let wide = (0..<50).map { $0.isMultiple(of: 2) ? 1.7e308 : -1.7e308 }
    #expect(throws: ForecastError.self) { try data(wide) }
  }

  @Test func shortSeriesAreRefused() throws {
    func sentence(_ rows: Int, horizon: Int, blockLength: Int) -> String? {
      let error = #expect(throws: ForecastError.self) {
        try data(
          (0..<rows).map(Double.init), horizon: horizon, blockLength: blockLength)
      }
      return error?.description
    }
    #expect(
      sentence(40, horizon: 1, blockLength: 36)
        == "s.csv: the series is too short: 36 of its 40 rows are in the training part, "
        + "but this block length and horizon need at least 37")
    #expect(
      sentence(40, horizon: 4, blockLength: 3)
        == "s.csv: the series is too short: 4 of its 40 rows are in the validation part, "
        + "but this block length and horizon need at least 5")
    #expect(
      try data((0..<40).map(Double.init), horizon: 3, blockLength: 35)[.validation].count == 4)
  }

  @Test func fingerprintsTellSeriesApart() throws {
    let base = (0..<40).map(Double.init)
    var changed = base
    changed[39] += 1e-3
    let all = [
      try data(base), try data(changed), try data(base.map { $0 + 1 }),
      try data(base.map { 2 * $0 }), try data(Array(base.reversed())),
      try data(base, channels: 2, horizon: 1, blockLength: 4),
    ]
    #expect(Set(all.map(\.fingerprint)).count == all.count)
    #expect(try data(base).fingerprint == all[0].fingerprint)
  }

  // MARK: - Learning

  @Test(arguments: PredictionError.allCases)
  func beatsWhatNeedsNoModel(_ objective: PredictionError) throws {
    try withTemporaryDirectory { directory in
      var trainer = try forecast(rows: 1000, steps: 200, in: directory, objective: objective) {
        $0.batchSize = 8
      }
      _ = try trainer.run()
      let log = try log(in: directory)
      let found = try #require(log.last?.forecast)
      let errors = [found.model, found.lastValue, found.mean].map {
        objective == .squared ? $0.squared : $0.absolute
      }
      // Two sums of the same numbers.
      #expect(abs(try #require(log.last?.validationLoss) - errors[0]) <= 1e-12 * errors[0])
      // Half the absolute error of each baseline, a quarter of its squared error.
      let share = objective == .squared ? 0.25 : 0.5
      #expect(errors[0] < share * errors[1] && errors[0] < share * errors[2], "\(found)")

      // In own units, with the saved model, after the end of another series of this kind.
      let model = try ForecasterModel(contentsOf: directory)
      let series = try Series(csv: sineTable(rows: 203, seed: 7), file: "o.csv")
      var session = ForecastSession(model.network)
      let forecast = session.read(Array(series.values.prefix(400))) ?? []
      #expect(forecast.count == 6)
      for (index, (found, expected)) in zip(forecast, series.values.suffix(6)).enumerated() {
        let deviation = model.network.normalisation.deviation[index % 2]
        #expect(abs(found - expected) < 0.8 * deviation, "value \(index)")
      }
    }
  }

  // MARK: - Measures

  /// By hand, in normalised and in own units, from each row to the following ones.
  @Test func evaluationIsTheMeanOverForecasts() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory).model
      let normalisation = model.network.normalisation
      let series = try Series(csv: sineTable(rows: 20, seed: 3), file: "o.csv")
      let rows = try series.normalised(in: model.network.frame)
      let values = rows.values.map { Double(Float($0)) }
      func expected(
        of predictor: (_ row: Int, _ step: Int, _ channel: Int) -> Double
      ) -> ForecastEvaluation.Errors {
        var (sums, count) = ([0.0, 0, 0, 0], 0.0)
        for row in 0..<20 {
          for step in 1...3 where row + step < 20 {
            for channel in 0..<2 {
              let difference =
                predictor(row, step, channel) - values[2 * (row + step) + channel]
              let own = difference * normalisation.deviation[channel]
              for (index, error) in [
                difference * difference, abs(difference), own * own, abs(own),
              ].enumerated() { sums[index] += error }
              count += 1
            }
          }
        }
        return .init(
          squared: sums[0] / count, absolute: sums[1] / count, squaredInOwnUnits: sums[2] / count,
          absoluteInOwnUnits: sums[3] / count)
      }
      func expectClose(
        _ found: ForecastEvaluation.Errors, _ expected: ForecastEvaluation.Errors
      ) {
        for (found, expected) in [
          (found.squared, expected.squared), (found.absolute, expected.absolute),
          (found.squaredInOwnUnits, expected.squaredInOwnUnits),
          (found.absoluteInOwnUnits, expected.absoluteInOwnUnits),
        ] { #expect(abs(found - expected) <= 1e-12 * expected) }
      }
      var (session, forecasts) = (Session(model.network), [Float]())
      session.read(rows: 0..<20, of: rows) { forecasts += $0.scalars }
      let found = try ForecastEvaluation.streaming(model, over: [rows])
      #expect(found.values == 2 * (3 * 17 + 2 + 1))
      expectClose(
        found.model, expected { Double(forecasts[6 * $0 + 2 * ($1 - 1) + $2]) })
      expectClose(
        found.lastValue, expected { row, _, channel in values[2 * row + channel] })
      expectClose(found.mean, expected { _, _, _ in 0 })

      // One block equals the stream; shorter blocks affect only the model's errors.
      #expect(try ForecastEvaluation.byBlocks(model, over: [rows], length: 50) == found)
      let blocks = try ForecastEvaluation.byBlocks(model, over: [rows], length: 6)
      #expect(blocks.values == found.values && blocks.model != found.model)
      expectClose(blocks.lastValue, found.lastValue)
      for threads in 2...3 {
        let again = try computing(threads: threads) {
          try ForecastEvaluation.byBlocks(model, over: [rows], length: 6)
        }
        #expect(again == blocks)
      }
    }
  }

  @Test func reportsOnSeries() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory).model
      let series = try Series(csv: sineTable(rows: 20, seed: 3), file: "o.csv")
      let rows = try series.normalised(in: model.network.frame)
      let report = try EvaluationReport(of: model, on: [series], blockLength: 6)
      #expect(try report.streaming == .streaming(model, over: [rows]))
      #expect(try report.blocks == .byBlocks(model, over: [rows], length: 6))
      // Three rows do not fit behind the first nine tenths of 20.
      #expect(report.rolling == nil)
      let row = try Series(csv: sineTable(rows: 1, seed: 3), file: "o.csv")
      #expect(throws: EvaluationError.tooFewRows(1)) {
        try EvaluationReport(of: model, on: [row], blockLength: 6)
      }
    }
  }

  @Test func forecastsAreATableAfterTheSeries() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory).model
      let series = try Series(csv: sineTable(rows: 50, seed: 4), file: "o.csv")
      let text = try model.table(of: [model.forecast(after: series)], time: nil)
      let found = try Series(csv: Array(text.utf8), file: "forecast")
      #expect(found.channels == ["warm", "large"] && found.count == 3)
      var session = ForecastSession(model.network)
      for (index, (found, expected)) in zip(found.values, session.read(series.values)!).enumerated()
      {
        let deviation = model.network.normalisation.deviation[index % 2]
        #expect(abs(found - expected) <= 1e-6 * deviation)
      }
    }
  }

  // MARK: - Files

  @Test func filesGiveTheModelBack() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory).model
      let path = directory + "/file"
      try model.write(to: path)
      let found = try ForecasterModel(contentsOf: path)
      #expect(found.channels == ["warm", "large"] && found.network.horizon == 3)
      #expect(found.network.normalisation == model.network.normalisation)
      #expect(found.network.stateDictionary == model.network.stateDictionary)
      guard case .forecast(let any) = try AnyModel(contentsOf: path) else {
        Issue.record("another task")
        return
      }
      #expect(any.network.stateDictionary == model.network.stateDictionary)
    }
  }

  @Test(arguments: [
    ("channels", nil, "it has no 'channels' in its metadata"),
    ("channels", "[\"a\"]", "it names 1 channels, its configuration has 2 and its normalisation 2"),
    ("normalisation", "{}", "its 'normalisation' cannot be read: "),
    (
      "normalisation", #"{"mean":[1],"deviation":[1]}"#,
      "it names 2 channels, its configuration has 2 and its normalisation 1"
    ),
    ("normalisation", #"{"mean":[1,2],"deviation":[1,0]}"#, "its 'normalisation' cannot be read: "),
    ("horizon", "0", "horizon is 0, it has to be from 1 to 8388608"),
    ("horizon", "9", "the configuration needs "),
    ("horizon", "8388608", "the configuration needs "),
    ("horizon", "\(Int.max)", "horizon is \(Int.max), it has to be from 1 to 8388608"),
    ("task", "classify", "its task is classify, expected a model for the task forecast"),
  ])
  func changedFilesAreRefused(key: String, value: String?, sentence: String) throws {
    try withTemporaryDirectory { directory in
      var file = try forecast(steps: 1, in: directory).model.encoded()
      file.metadata[key] = value
      let path = directory + "/file"
      try file.write(to: path)
      let error = #expect(throws: (any Error).self) { try ForecasterModel(contentsOf: path) }
      #expect("\(error!)".hasPrefix("\(path): "))
      #expect("\(error!)".contains(sentence), "\(error!)")
    }
  }

  @Test func textModelsAreNoForecasters() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/file"
      try LanguageModel.small(.bytes).write(to: path)
      #expect(
        throws: CheckpointError.anotherTask(file: path, expected: .forecast, found: .text)
      ) { try ForecasterModel(contentsOf: path) }
      #expect(try AnyModel(contentsOf: path).task == .text)
    }
  }
}
