import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

/// Quantiles of forecasts.
@Suite struct QuantileTests {
  /// A random walk, whose steps are uniform in ±1.
  private func walk(_ rows: Int, seed: UInt64) -> Series {
    var (random, value) = (SeededValues(seed: seed), 0.0)
    return Series(
      channels: ["x"],
      values: random.floats(rows, in: -1...1).map { step in
        value += Double(step)
        return value
      })
  }

  private func trainer(_ series: Series, in directory: String) throws -> Trainer<ForecastData> {
    var settings = ForecastSettings()
    (settings.horizon, settings.lagWindows, settings.network.lags) = (2, [3], 3)
    (settings.network.normalisation, settings.network.quantiles) = (.last, [0.1, 0.5, 0.9])
    settings.objective = .absolute
    let configuration = TrainingConfiguration.small(
      .forecast(settings), vocabularySize: 1, steps: 4)
    return try Trainer(configuration, series: [series], file: "s.csv", in: RunDirectory(directory))
  }

  /// Before and after training, about four fifths of new steps lie between the outer quantiles, and the
  /// interval of one step has the width of theirs.
  @Test func intervalsCover() throws {
    try withTemporaryDirectory { directory in
      var trainer = try trainer(walk(1500, seed: 1), in: directory)
      #expect(try trainer.run())
      var choice = RollingEvaluation.Origins()
      choice.from = 100
      let models = [try ForecasterModel(contentsOf: directory), trainer.model]
      for model in models {
        let found = try #require(
          try RollingEvaluation(of: model, on: [walk(1500, seed: 2)], choice))
        let interval = try #require(found.intervals?.first)
        #expect(found.intervals?.count == 1)
        #expect((interval.lower, interval.upper) == (0.1, 0.9))
        #expect(abs(interval.channels[0].coverage - 0.8) < 0.06, "\(interval)")
        // Of one step 1.6, of the sum of two about 2.2.
        #expect(abs(interval.channels[0].width - 1.9) < 0.25, "\(interval)")
        #expect(found.model.mase < 1.1 * found.lastValue.mase)
      }
      // The bits of a model without quantiles have no intervals.
      let plain = try forecast(steps: 1, in: directory + "/plain", lags: [3]).model
      let series = try Series(csv: sineTable(rows: 100), file: "s.csv")
      #expect(
        try RollingEvaluation(of: plain, on: [series], RollingEvaluation.Origins())?.intervals
          == nil)
    }
  }

  /// Values of a forecast are ascending, and the table has a column for each quantile.
  @Test func forecastsHaveQuantiles() throws {
    try withTemporaryDirectory { directory in
      let model = try trainer(walk(300, seed: 3), in: directory).model
      let path = directory + "/file"
      try model.write(to: path)
      let series = walk(50, seed: 4)
      let found = try SeriesForecaster(contentsOf: path).forecast(series.values)
      #expect(found == (try model.forecast(after: series)))
      #expect(found.count == 2 && found.quantiles == [0.1, 0.5, 0.9] && found.times.isEmpty)
      for row in 0..<2 {
        let values = (0..<3).map { found[row, 0, quantile: $0] }
        #expect(values[0] < values[1] && values[1] < values[2] && found[row, 0] == values[1])
      }
      let table = model.table(of: [found], time: nil)
      #expect(table.hasPrefix("x,x_0.1,x_0.9\n") && table.split(separator: "\n").count == 3)
      let text = "x\n" + series.values.map { "\($0)\n" }.joined()
      #expect(
        try SeriesForecaster(contentsOf: path).forecast(csv: Array(text.utf8)) == [found])
    }
  }

  /// By hand: the validation loss is twice the mean pinball loss in terms of the network.
  @Test func validationIsThePinballLoss() throws {
    try withTemporaryDirectory { directory in
      let trainer = try trainer(walk(300, seed: 5), in: directory)
      let network = trainer.model.network
      let series = try walk(300, seed: 5).normalised(in: network.frame)
      var session = Session(network)
      var outputs: [Float] = []
      session.read(rows: 0..<300, of: series) { outputs += $0.scalars }
      var (sum, count) = (0.0, 0.0)
      for origin in 269..<298 {
        network.frame.forEachTarget(ofRow: origin, of: series, before: 300) { place, target in
          for (copy, quantile) in [0.1, 0.5, 0.9].enumerated() {
            let error = target - Double(outputs[origin * 6 + place * 3 + copy])
            sum += 2 * max(quantile * error, (quantile - 1) * error)
            count += 1
          }
        }
      }
      let found = try #require(
        try trainer.data.validation(of: trainer.model, for: trainer.configuration))
      #expect(abs(found.loss - sum / count) < 1e-6 * found.loss)
    }
  }

  /// Dates and series names stand before the forecasts.
  @Test func tablesHaveDatesAndSeries() throws {
    try withTemporaryDirectory { directory in
      var model = try trainer(walk(300, seed: 6), in: directory).model
      var columns = SeriesColumns()
      columns.series = "shop"
      model = ForecasterModel(network: model.network, channels: ["x"], columns: columns)
      let rows = (1...9).flatMap { day in
        ["a", "b"].map { "\($0),2020-02-2\(day),\(day * day)\n" }
      }
      let forecasts = try SeriesTable(
        csv: Array(("shop,day,x\n" + rows.joined()).utf8), file: "s.csv", columns: columns
      ).series.map { try model.forecast(after: $0) }
      let lines = model.table(of: forecasts, time: "day").split(separator: "\n")
      #expect(lines[0] == "shop,day,x,x_0.1,x_0.9" && lines.count == 5)
      #expect(lines[1].hasPrefix("a,2020-03-01,") && lines[4].hasPrefix("b,2020-03-02,"))
    }
  }

  /// A forecast needs the covariates of its rows.
  @Test func covariatesHaveToBeKnown() throws {
    try withTemporaryDirectory { directory in
      var settings = ForecasterNetwork.Settings()
      (settings.horizon, settings.covariates) = (2, 1)
      var source = ParameterSource(seed: 1)
      var configuration = Configuration(vocabularySize: 1)
      (configuration.width, configuration.layers) = (8, 1)
      let network = try ForecasterNetwork(
        configuration, settings,
        normalisation: #require(Normalisation(mean: [0, 0], deviation: [1, 1])), using: &source)
      var columns = SeriesColumns()
      columns.covariates = ["open"]
      let model = ForecasterModel(network: network, channels: ["x"], columns: columns)
      try model.write(to: directory + "/file")
      let forecaster = try SeriesForecaster(contentsOf: directory + "/file")
      #expect(
        throws: ForecastError.unknownCovariates(["open"], known: 1, needed: 2)
      ) { try forecaster.forecast([1, 2], covariates: [0, 1, 1]) }
      let known = try forecaster.forecast([1, 2], covariates: [0, 1, 1, 0])
      #expect(known != (try forecaster.forecast([1, 2], covariates: [0, 1, 1, 1])))
    }
  }
}
