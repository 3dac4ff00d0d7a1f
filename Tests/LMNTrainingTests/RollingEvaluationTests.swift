import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct RollingEvaluationTests {
  /// By hand: errors of every forecast of whole horizons, with all rows before as history.
  @Test func errorsAreMeansOverForecasts() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 2, in: directory, lags: [4]).model
      let series = try Series(csv: sineTable(rows: 120, seed: 3), file: "o.csv")
      var choice = RollingEvaluation.Origins()
      (choice.from, choice.season) = (101, 5)
      let found = try #require(try RollingEvaluation(of: model, on: [series], choice))
      // Rows 101 to 103 up to 118 to 120.
      #expect(
        (found.origins, found.from, found.horizon, found.season) == (18, 101, 3, 5)
          && !found.isSeasonFound)
      func value(_ row: Int, _ channel: Int) -> Double { series.values[2 * row + channel] }
      func expect(_ scores: ForecastScores?, _ forecast: (Int) throws -> [Double]) throws {
        let scores = try #require(scores)
        #expect(scores.channels.map(\.name) == ["warm", "large"])
        for (channel, scores) in scores.channels.enumerated() {
          let scale =
            (5..<100).reduce(0) { $0 + abs(value($1, channel) - value($1 - 5, channel)) } / 95
          var (squares, absolutes, symmetrics) = ([0.0, 0, 0], [0.0, 0, 0], [0.0, 0, 0])
          for origin in 99..<117 {
            let values = try forecast(origin)
            for step in 0..<3 {
              let (found, target) = (values[2 * step + channel], value(origin + 1 + step, channel))
              squares[step] += (found - target) * (found - target) / 18
              absolutes[step] += abs(found - target) / 18
              symmetrics[step] += 200 * abs(found - target) / (abs(found) + abs(target)) / 18
            }
          }
          for (errors, steps) in [(scores.all, 0..<3)] + zip(scores.steps, [0..<1, 1..<2, 2..<3]) {
            func mean(_ sums: [Double]) -> Double {
              sums[steps].reduce(0, +) / Double(steps.count)
            }
            for (found, expected) in [
              (errors.mse, mean(squares)), (errors.mae, mean(absolutes)),
              (errors.mase, mean(absolutes) / scale), (errors.smape, mean(symmetrics)),
            ] { #expect(abs(found - expected) <= 1e-5 * abs(expected) + 1e-9) }
          }
        }
        #expect(
          abs(scores.mase - (scores.channels[0].all.mase + scores.channels[1].all.mase) / 2) < 1e-9)
      }
      try expect(found.model) { origin in
        var session = ForecastSession(model.network)
        return session.read(Array(series.values.prefix(2 * (origin + 1))))!
      }
      try expect(found.lastValue) { origin in
        (0..<3).flatMap { _ in [value(origin, 0), value(origin, 1)] }
      }
      try expect(found.seasonalNaive) { origin in
        (1...3).flatMap { step in (0..<2).map { value(origin + step - 5, $0) } }
      }
      let means = (0..<2).map { channel in (0..<100).reduce(0) { $0 + value($1, channel) } / 100 }
      try expect(found.mean) { _ in (0..<3).flatMap { _ in means } }
      #expect(try #require(found.ridge).mase < found.lastValue.mase)
    }
  }

  /// Forecasts use no row after their origin, and the peers none from the first forecast on.
  @Test func theFutureIsUnknown() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory, lags: [4]).model
      let series = try Series(csv: sineTable(rows: 120, seed: 3), file: "o.csv")
      var choice = RollingEvaluation.Origins()
      (choice.from, choice.most) = (101, 1)
      // One forecast, of rows 101 to 103: the rows after them do not matter.
      let changed = Series(
        channels: series.channels,
        values: series.values.prefix(206) + [Double](repeating: 7, count: 34))
      let (found, other) = (
        try RollingEvaluation(of: model, on: [series], choice),
        try RollingEvaluation(of: model, on: [changed], choice)
      )
      #expect(found != nil && found == other)
    }
  }

  @Test func originsAreEvenlySpaced() {
    var choice = RollingEvaluation.Origins()
    #expect(choice.rows(of: 100, horizon: 3) == Array(89..<97))
    #expect(choice.rows(of: 12, horizon: 3) == [])
    choice.most = 3
    #expect(choice.rows(of: 100, horizon: 3) == [89, 92, 96])
    (choice.from, choice.most) = (2, nil)
    #expect(choice.rows(of: 5, horizon: 2) == [0, 1, 2])
    choice.from = 5
    #expect(choice.rows(of: 5, horizon: 2) == [])
  }

  @Test func rowsWithoutAForecastAreRefused() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory, lags: [4]).model
      let series = try Series(csv: sineTable(rows: 120, seed: 3), file: "o.csv")
      var choice = RollingEvaluation.Origins()
      for from in [119, 500] {
        choice.from = from
        #expect(
          throws: EvaluationError.noOrigin(from: from, rows: 120, horizon: 3)
        ) { try EvaluationReport(of: model, on: [series], blockLength: 9, from: choice) }
      }
    }
  }

  /// Several series are pooled, each with its own history.
  @Test func seriesArePooled() throws {
    try withTemporaryDirectory { directory in
      let model = try forecast(steps: 1, in: directory, lags: [4]).model
      let series = try [3, 4].map { try Series(csv: sineTable(rows: 120, seed: $0), file: "o.csv") }
      var choice = RollingEvaluation.Origins()
      choice.from = 101
      let single = try series.map {
        try #require(try RollingEvaluation(of: model, on: [$0], choice))
      }
      let both = try #require(try RollingEvaluation(of: model, on: series, choice))
      #expect(both.origins == 36)
      for channel in 0..<2 {
        let errors = single.map { $0.model.channels[channel].all.mse }
        let found = both.model.channels[channel].all.mse
        #expect(abs(found - (errors[0] + errors[1]) / 2) <= 1e-9 * found)
      }
    }
  }
}
