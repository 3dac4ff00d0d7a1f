import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The linear map of the lags: its regression, its season, and its place in a training.
@Suite struct LagMapTests {
  // MARK: - Regression

  /// The gradient of the penalised loss at the solution is zero, by its definition.
  @Test func solutionsAreMinima() {
    var random = SeededValues(seed: 1)
    let (rows, inputs, outputs) = (60, 5, 2)
    let data = (0..<rows).map { _ in
      random.floats(inputs + outputs, in: -1...3).map { Double($0) * 7 + 2 }
    }
    var (regression, rest) = (
      RidgeRegression(inputs: inputs, outputs: outputs),
      RidgeRegression(inputs: inputs, outputs: outputs)
    )
    regression.add(data[..<20].flatMap { $0 })
    rest.add(data[20...].flatMap { $0 })
    regression.add(rest)
    #expect(regression.rowCount == rows)
    // Input 3 is left out.
    let penalties: [Double?] = [1, 2, 0.5, nil, 10]
    let solution = regression.solution { penalties[$0] }
    for output in 0..<outputs {
      let weights = Array(solution.weights[output * inputs..<(output + 1) * inputs])
      #expect(weights[3] == 0)
      let errors = data.map { row in
        solution.bias[output] + zip(weights, row).reduce(0) { $0 + $1.0 * $1.1 }
          - row[inputs + output]
      }
      let mean = errors.reduce(0, +) / Double(rows)
      #expect(abs(mean) < 1e-9)
      for input in 0..<inputs {
        guard let penalty = penalties[input] else { continue }
        let values = data.map { $0[input] }
        let middle = values.reduce(0, +) / Double(rows)
        let variance = values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(rows)
        let slope = zip(errors, values).reduce(0) { $0 + $1.0 * ($1.1 - middle) }
        #expect(abs(slope + penalty * variance * weights[input]) < 1e-7, "input \(input)")
      }
      let squared = errors.reduce(0) { $0 + $1 * $1 } / Double(rows)
      #expect(
        abs(regression.meanSquaredError(of: solution, output: output) - squared) < 1e-9 * squared)
    }
  }

  /// Inputs without variance have no weight.
  @Test func constantInputsAreLeftOut() {
    var regression = RidgeRegression(inputs: 2, outputs: 1)
    regression.add([1, 5, 2, 2, 5, 4, 3, 5, 6])
    let solution = regression.solution { _ in 1e-9 }
    #expect(abs(solution.weights[0] - 2) < 1e-6 && solution.weights[1] == 0)
    #expect(abs(solution.bias[0]) < 1e-5)
  }

  // MARK: - Season

  @Test(arguments: [5, 7, 12, 52])
  func seasonsAreFound(season: Int) {
    var random = SeededValues(seed: 2)
    let noise = random.floats(10 * season, in: -0.3...0.3)
    // A trend hides no season, and other channels none either.
    var values: [Double] = []
    for (row, noise) in noise.enumerated() {
      let phase = 2 * Double.pi * Double(row) / Double(season)
      values.append(Double(row) * 0.3 + sin(phase) + Double(noise))
      values.append(cos(phase) - Double(noise))
    }
    #expect(Season.found(in: values[...], channels: 2) == season)
  }

  @Test func noiseHasNoSeason() {
    var random = SeededValues(seed: 3)
    #expect(Season.found(in: random.floats(400).map(Double.init)[...], channels: 1) == nil)
    #expect(Season.found(in: [1, 2, 3, 4], channels: 1) == nil)
    #expect(Season.found(in: ArraySlice([Double](repeating: 4, count: 90)), channels: 1) == nil)
  }

  @Test func lagsFollowSeasonAndRows() {
    func windows(_ season: Int?, _ rows: Int, _ columns: Int = 1) -> [Int] {
      LagMap(season: season, rows: rows, columns: columns).windows
    }
    #expect(windows(12, 10_000) == [24, 48, 72])
    #expect(windows(52, 2055) == [104, 208])
    #expect(windows(nil, 10_000) == [24] && windows(7, 100_000) == [24, 28, 42])
    #expect(windows(nil, 40) == [10] && windows(12, 300) == [24])
    // Not more inputs than a regression has time for.
    #expect(windows(24, 100_000, 20).allSatisfy { $0 <= 51 })
  }

  // MARK: - Training

  /// A series of a linear recurrence with a trend.
  private func recurrence(_ rows: Int) -> Series {
    var (values, random) = ([0.0, 1.0], SeededValues(seed: 4))
    for row in 2..<rows {
      let noise = Double(random.floats(1, in: -0.01...0.01)[0])
      values.append(1.6 * values[row - 1] - 0.9 * values[row - 2] + 0.02 * Double(row) + noise)
    }
    return Series(channels: ["x"], values: values)
  }

  private func trainer(
    _ series: Series, steps: Int = 6, in directory: String,
    change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> Trainer<ForecastData> {
    var settings = ForecastSettings()
    (settings.horizon, settings.lagWindows, settings.network.lags) = (4, [2, 6], 6)
    settings.network.normalisation = .last
    var configuration = TrainingConfiguration.small(
      .forecast(settings), vocabularySize: 1, steps: steps)
    change(&configuration)
    return try Trainer(configuration, series: [series], file: "s.csv", in: RunDirectory(directory))
  }

  /// A new network is its map: the best model before the first step, and the start of every other.
  @Test func newNetworksAreTheirMap() throws {
    try withTemporaryDirectory { directory in
      let trainer = try trainer(recurrence(400), in: directory)
      #expect(trainer.model.network.isLinear)
      let validation = try #require(
        try trainer.data.validation(of: trainer.model, for: trainer.configuration))
      let found = try #require(validation.forecast)
      // The noise is all that the line cannot know.
      #expect(found.model.squaredInOwnUnits < 1e-3)
      #expect(found.model.squared < 0.05 * found.lastValue.squared)
    }
  }

  /// Training leaves the map as it is; the end fits it again to all rows.
  @Test func theMapIsFittedTwice() throws {
    try withTemporaryDirectory { directory in
      var trainer = try trainer(recurrence(400), in: directory)
      let before = try #require(trainer.model.network.lags).stateDictionary
      #expect(try trainer.run())
      #expect(trainer.model.network.lags?.stateDictionary == before)
      #expect(!trainer.model.network.isLinear)
      let best = try ForecasterModel(contentsOf: directory)
      #expect(best.network.lags?.stateDictionary != before)
      let whole = try #require(
        LagMap(windows: [2, 6]).fit(
          to: [(try recurrence(400).normalised(in: best.network.frame), 400)],
          in: best.network.frame, keepsUnits: true))
      #expect(
        best.network.isLinear
          == (best.network.lags?.weight.value.scalars == whole.solution.weights.map { Float($0) }))
    }
  }

  /// A run that ends before the map is fitted to all rows has not come to its end, and goes on.
  @Test func runsThatEndBeforeTheSecondFitGoOn() throws {
    let series = recurrence(300)
    let whole = try withTemporaryDirectory { directory in
      var trainer = try trainer(series, in: directory)
      #expect(try trainer.run())
      return try remains(in: directory)
    }
    try withTemporaryDirectory { directory in
      let best = RunDirectory(directory).best
      let away = directory + "/away"
      var interrupted = try trainer(series, in: directory)
      let steps = interrupted.configuration.steps
      #expect(throws: SafetensorsError.self) {
        try interrupted.run(report: { event in
          guard case .record(let record) = event, record.step == steps else { return }
          try FileManager.default.moveItem(atPath: best, toPath: away)
        })
      }
      try FileManager.default.moveItem(atPath: away, toPath: best)
      var resumed = try Trainer<ForecastData>(
        resuming: RunDirectory(directory), csv: table(series), file: "s.csv")
      #expect(try resumed.run())
      #expect(try remains(in: directory) == whole)
    }
  }

  /// A memory is kept where it serves: the sign of a pulse some rows before decides which way a known
  /// input acts, and no linear map of the lags has a product of the two.
  @Test func memoriesThatServeAreKept() throws {
    var (values, inputs, random) = ([Double](), [Double](), SeededValues(seed: 5))
    var sign = 1.0
    for row in 0..<1500 {
      let pulse = row % 6 == 0 ? (random.floats(1, in: -1...1)[0] < 0 ? -1.0 : 1.0) : 0
      if pulse != 0 { sign = pulse }
      let input = Double(random.floats(1, in: -1...1)[0])
      inputs += [pulse, input]
      values.append(sign * input)
    }
    var series = Series(channels: ["x"], values: values)
    (series.covariates, series.covariateValues) = (["pulse", "input"], inputs)
    try withTemporaryDirectory { directory in
      var settings = ForecastSettings()
      (settings.horizon, settings.lagWindows, settings.network.lags) = (1, [2], 2)
      settings.network.normalisation = .global
      (settings.columns.covariates, settings.network.covariates) = (["pulse", "input"], 2)
      var configuration = TrainingConfiguration.small(
        .forecast(settings), vocabularySize: 1, steps: 300)
      (configuration.evaluateEvery, configuration.blockLength) = (50, 48)
      configuration.limitLevels(toStreamsOf: configuration.blockLength)
      var trainer = try Trainer(
        configuration, series: [series], file: "s.csv", in: RunDirectory(directory))
      #expect(try trainer.run())
      let best = try ForecasterModel(contentsOf: directory)
      #expect(!best.network.isLinear)
      // A run that ends right after it has refined the best model refines it again.
      let again = try #require(trainer.data.finished(best))
      #expect(again.network.stateDictionary == best.network.stateDictionary)
      let evaluation = try #require(
        try RollingEvaluation(of: best, on: [series], RollingEvaluation.Origins()))
      let (model, ridge) = (evaluation.model.mase, try #require(evaluation.ridge).mase)
      #expect(model < 0.8 * ridge, "\(model) against \(ridge)")
    }
  }

  /// No more steps after validations without a lower loss; a resume then says so.
  @Test func trainingEndsWhenItNoLongerServes() throws {
    try withTemporaryDirectory { directory in
      func patient(_ configuration: inout TrainingConfiguration) {
        (configuration.evaluateEvery, configuration.patience) = (2, 2)
        configuration.schedule = .constant(rate: 0.3)
      }
      var trainer = try trainer(recurrence(300), steps: 100, in: directory, change: patient)
      #expect(try trainer.run())
      #expect(trainer.step < 100 && trainer.step.isMultiple(of: 2))
      let log = try log(in: directory)
      #expect(log.last?.step == trainer.step && log.last?.validationLoss != nil)
      #expect(throws: TrainingError.stoppedEarly(step: trainer.step)) {
        try Trainer<ForecastData>(
          resuming: RunDirectory(directory), csv: table(recurrence(300)), file: "s.csv")
      }
      var longer = try Trainer<ForecastData>(
        resuming: RunDirectory(directory), csv: table(recurrence(300)), file: "s.csv"
      ) { ($0.patience, $0.steps) = (50, trainer.step + 4) }
      #expect(try longer.run() && longer.step == trainer.step + 4)
    }
  }

  private func table(_ series: Series) -> [UInt8] {
    Array(("x\n" + series.values.map { "\($0)\n" }.joined()).utf8)
  }

  @Test func filesKeepTheMap() throws {
    try withTemporaryDirectory { directory in
      let model = try trainer(recurrence(300), in: directory).model
      let path = directory + "/file"
      try model.write(to: path)
      let found = try ForecasterModel(contentsOf: path)
      #expect(found.network.frame == model.network.frame)
      #expect(found.network.stateDictionary == model.network.stateDictionary)
      #expect(found.network.stateDictionary.names.suffix(2) == ["lags.weight", "lags.bias"])
      for (key, value, problem) in [
        ("units", #"{"inputs":[1],"outputs":[0]}"#, "its 'units' are not a positive number"),
        (
          "forecaster", #"{"horizon":4,"lags":1,"normalisation":"last"}"#, "lags is 1, it has to be"
        ),
        (
          "columns", #"{"covariates":["a"],"time":{"none":{}},"missing":"refuse"}"#,
          "it names 1 cov"
        ),
      ] {
        var file = model.encoded()
        file.metadata[key] = value
        try file.write(to: path)
        let error = #expect(throws: (any Error).self) { try ForecasterModel(contentsOf: path) }
        #expect("\(error!)".contains(problem), "\(error!)")
      }
    }
  }
}
