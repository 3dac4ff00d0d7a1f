internal import LMNCharts
internal import LMNKernels
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Forecasts of series by every memory, beside the linear map of a forecaster and alone, against
/// forecasts without a network.
package struct ForecastRecipe: Recipe {
  package static let name = "forecast"
  package static let input = RecipeInput.tables
  package static let summary =
    "Forecasts by every memory against last value, seasonal naive and ridge."
  package static let discussion = """
    A table is one series: every column but a time column is a channel, and missing values are \
    interpolated. Beside the tables three series are generated: Mackey–Glass, Lorenz, and a day and week \
    with noise. Networks are trained on the first nine tenths of a series and tested on the last.
    """

  private let form: RecipeForm
  private let problems: [ForecastTraining.Problem]
  package let files: [RecipeFile]

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    self.form = form
    self.files = files
    let (rows, horizons) = (form(full: 3000, quick: 400), Self.horizons(form))
    var series: [(name: String, file: String, rule: String?, series: Series)] = []
    for file in files {
      var columns = SeriesColumns()
      columns.missing = .interpolate
      let table = try SeriesTable(csv: file.bytes, file: file.name, columns: columns)
      series.append(
        (
          file.title, file.name, nil,
          form(full: table.series[0], quick: table.series[0].prefix(rows))
        ))
    }
    series += GeneratedSeries.allCases.map {
      ($0.rawValue, $0.rawValue, $0.rule, $0.series(rows: rows, seed: 1))
    }
    try RecipeError.expectDifferent(series.map(\.name), asLabel: "series")
    problems = try series.map { name, file, rule, series in
      let known = series.count * 9 / 10
      let training = ForecastData.trainingCount(of: known)
      let needed = horizons.reduce(0, max) + 1
      // A test part, a tenth of more rows, has a whole horizon then.
      if known - training < needed {
        throw ForecastError.tooShort(
          file: "\(file), without its last tenth", .validation, count: known - training, of: known,
          needed: needed)
      }
      var configuration = TrainingConfiguration(
        model: Configuration(vocabularySize: series.channels.count))
      configuration.suit([series.prefix(known)], rows: training, season: nil)
      if form == .quick {
        (configuration.steps, configuration.evaluateEvery) = (40, 20)
        configuration.schedule = .warmUpThenCosine(
          peak: configuration.schedule.peak, warmUpSteps: 10, totalSteps: 40, minimumFraction: 0.1)
      }
      return .init(name: name, rule: rule, series: series, configuration: configuration)
    }
  }

  private static func horizons(_ form: RecipeForm) -> [Int] {
    form(full: [1, 24], quick: [12])
  }
  private var horizons: [Int] { Self.horizons(form) }

  private static let networks = RecipeNetwork.kinds.filter { $0.name != "attention, window 64" }

  package var cells: [Cell] {
    problems.flatMap { problem in
      horizons.flatMap { horizon in
        ForecastTraining.Form.allCases.flatMap { kind in
          Self.networks.flatMap { network in
            form.seeds.map { seed in
              let training = ForecastTraining(problem, network, kind, horizon: horizon, seed: seed)
              let configuration = training.configuration
              return Cell(
                [
                  .init("series", problem.name), .init("horizon", horizon),
                  .init("memory", network.name), .init("form", kind.rawValue), .init("seed", seed),
                ], training,
                cost: Double(configuration.steps * configuration.tokensPerStep)
              ) { try training.measure($0) }
            }
          }
        }
      }
    }
  }

  // MARK: - Report

  /// Forecast of a table's column.
  private enum Forecast: Equatable {
    /// Forecast without a network.
    case baseline(String)
    /// Forecast of a network.
    case network(String, ForecastTraining.Form)

    static let baselines = ["last value", "seasonal naive", "ridge"].map(Forecast.baseline)
    static let ridge = Forecast.baseline("ridge")

    static func networks(_ form: ForecastTraining.Form) -> [Forecast] {
      ForecastRecipe.networks.map { .network($0.name, form) }
    }

    var name: String {
      switch self {
      case .baseline(let name): name
      case .network(let name, .beside): "map and \(name)"
      case .network(let name, .alone): "\(name) alone"
      }
    }
  }

  package func report(on results: Results) -> Report {
    var parts: [Report.Part] = [
      .paragraph(
        "Every network is trained on the first nine tenths of a series, the last tenth of which "
          + "validates, with the settings of lmn train --task forecast, and forecasts from up to "
          + "\(ForecastTraining.mostOrigins) rolling origins in the rest, which training never sees. "
          + "Beside the map: the forecast is the sum of a linear map of the lags, solved before "
          + "training, and of the memory; a memory that does not credibly improve on the map is "
          + "left out. Alone: the memory reads a row and its difference to the row before, and has "
          + "neither map nor further lags, so all that it knows of earlier rows is in its state."),
      .paragraph(
        "Ridge is a regression of each channel on its last lags, two seasons or at least 24; last "
          + "value, seasonal naive and ridge are fitted to the same nine tenths, without seeds. "
          + "Seasons are found by autocorrelation. Generated series, of seed 1: "
          + problems.compactMap { problem in problem.rule.map { "\(problem.name): \($0)" } }
          .joined(separator: "; ") + "."),
      .table(seriesTable(results)),
      .heading("Mean over the series"),
      .paragraph(
        "Geometric mean over the series of the mean squared error relative to that of ridge: below "
          + "1 a forecast is better than ridge."),
      .table(means(results)),
    ]
    for horizon in horizons {
      parts += [
        .heading("Horizon \(horizon)"),
        .paragraph(
          "Mean squared error over \(horizon == 1 ? "the next row" : "\(horizon) rows"), relative to "
            + "that of repeating the last value: lower is better. The second column names the lowest of "
            + "a row, and its ratio to ridge."),
        .paragraph(
          "Memories beside the map. (map): the memory was left out with every seed, so the forecast "
            + "is that of the map; (2 of 3 map): with two seeds of three."),
        .table(table(.beside, horizon, results)), .paragraph("Memories alone."),
        .table(table(.alone, horizon, results)),
        .chart(heatMap(horizon, results), name: "forecast-\(horizon)"),
      ]
    }
    return Report("Forecasts of series", parts)
  }

  private func labels(_ series: String, _ horizon: Int) -> [String: String] {
    ["series": series, "horizon": "\(horizon)"]
  }

  private func error(
    _ forecast: Forecast, _ series: String, _ horizon: Int, _ results: Results
  ) -> Summary? {
    var labels = labels(series, horizon)
    switch forecast {
    case .baseline(let name):
      // The same in every cell.
      return results.summary("relative MSE, \(name)", where: labels).flatMap { Summary([$0.mean]) }
    case .network(let name, let form):
      (labels["memory"], labels["form"]) = (name, form.rawValue)
      return results.summary("relative MSE", where: labels)
    }
  }

  private func ratioToRidge(
    _ forecast: Forecast, _ series: String, _ horizon: Int, _ results: Results
  ) -> Double? {
    guard let error = error(forecast, series, horizon, results),
      let ridge = self.error(.ridge, series, horizon, results), ridge.mean > 0
    else { return nil }
    return error.mean / ridge.mean
  }

  private func text(
    _ forecast: Forecast, _ series: String, _ horizon: Int, _ results: Results
  ) -> String {
    guard let error = error(forecast, series, horizon, results) else { return "–" }
    let isCertain = error.range.lowerBound == error.range.upperBound
    let number = isCertain ? error.mean.short : error.text(\.short)
    let unused = leftOut(forecast, series, horizon, results)
    return switch unused {
    case 0: number
    case error.count: "\(number) (map)"
    default: "\(number) (\(unused) of \(error.count) map)"
    }
  }

  /// Number of seeds with which the memory was left out.
  private func leftOut(
    _ forecast: Forecast, _ series: String, _ horizon: Int, _ results: Results
  ) -> Int {
    guard case .network(let name, .beside) = forecast else { return 0 }
    var labels = labels(series, horizon)
    (labels["memory"], labels["form"]) = (name, ForecastTraining.Form.beside.rawValue)
    guard let used = results.summary("memory used", where: labels) else { return 0 }
    return used.count - Int((used.mean * Double(used.count)).rounded())
  }

  private func table(
    _ form: ForecastTraining.Form, _ horizon: Int, _ results: Results
  ) -> ReportTable {
    let forecasts = Forecast.baselines + Forecast.networks(form)
    return ReportTable(
      ["series", "lowest"] + Forecast.baselines.map(\.name) + Self.networks.map(\.name),
      problems.map(\.name).map { series in
        [series, lowest(of: forecasts, series, horizon, results)]
          + forecasts.map { text($0, series, horizon, results) }
      })
  }

  /// Name of the forecast with the lowest error, and its ratio to ridge.
  private func lowest(
    of forecasts: [Forecast], _ series: String, _ horizon: Int, _ results: Results
  ) -> String {
    let errors = forecasts.compactMap { forecast in
      error(forecast, series, horizon, results).map { (forecast, $0) }
    }
    guard let (best, error) = errors.min(by: { $0.1.mean < $1.1.mean }) else { return "–" }
    let isMap = leftOut(best, series, horizon, results) == error.count
    let ratio = best == .ridge ? nil : ratioToRidge(best, series, horizon, results)
    return (isMap ? "map" : best.name) + (ratio.map { ", \($0.decimals(2)) of ridge" } ?? "")
  }

  private func heatMap(_ horizon: Int, _ results: Results) -> HeatMap {
    let forecasts =
      Forecast.baselines.filter { $0 != .ridge } + Forecast.networks(.beside)
      + Forecast.networks(.alone)
    return HeatMap(
      "Mean squared error relative to ridge, horizon \(horizon)", x: "series",
      columns: problems.map(\.name), y: "forecast", rows: forecasts.map(\.name),
      value: Axis("error relative to ridge", scale: .logarithmic, range: 0.5...2),
      values: forecasts.map { forecast in
        problems.map { ratioToRidge(forecast, $0.name, horizon, results) }
      })
  }

  private func seriesTable(_ results: Results) -> ReportTable {
    ReportTable(
      ["series", "rows", "channels", "season", "forecasts × rows of each"],
      problems.map { problem in
        func value(_ quantity: String, _ horizon: Int) -> String {
          results.summary(quantity, where: labels(problem.name, horizon)).map {
            "\(Int($0.mean))"
          } ?? "–"
        }
        return [
          problem.name, "\(problem.series.count)", "\(problem.series.channels.count)",
          value("season (rows)", horizons[0]),
          horizons.map { "\(value("forecasts", $0)) × \($0)" }.joined(separator: ", "),
        ]
      })
  }

  private func means(_ results: Results) -> ReportTable {
    let forecasts =
      Forecast.baselines + Forecast.networks(.beside) + Forecast.networks(.alone)
    return ReportTable(
      ["forecast"] + horizons.map { "horizon \($0)" },
      forecasts.map { forecast in
        [forecast.name]
          + horizons.map { horizon in
            let ratios = problems.compactMap { ratioToRidge(forecast, $0.name, horizon, results) }
            // A seasonal forecast is missing where there is no season.
            guard ratios.count == problems.count else { return "–" }
            return exp(ratios.reduce(0) { $0 + log($1) } / Double(ratios.count)).decimals(2)
          }
      })
  }
}
