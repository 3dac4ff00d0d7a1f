import LMNKernels
import LMNMemories
import LMNModel

/// Evaluation of a forecaster as it is used: from rolling origins, with all rows before as history, over
/// whole horizons, beside forecasts without a model.
public struct RollingEvaluation: Sendable, Codable, Equatable {
  /// First row that is forecast, counted from 1; of several series the first one's.
  public let from: Int
  /// Number of forecasts.
  public let origins: Int
  /// h: rows per forecast.
  public let horizon: Int
  /// Season of the seasonal forecast and of MASE; nil without one, where MASE has the previous row.
  public let season: Int?
  /// Whether the season was found by autocorrelation, not given.
  public let isSeasonFound: Bool
  /// The model.
  public let model: ForecastScores
  /// Intervals between the model's quantiles, the widest first; nil without quantiles.
  public let intervals: [ForecastInterval]?
  /// Repetition of the last value.
  public let lastValue: ForecastScores
  /// Repetition of the last season; nil without a season.
  public let seasonalNaive: ForecastScores?
  /// Ridge regression of each channel on its lags; nil where there are too few rows before the first
  /// forecast.
  public let ridge: ForecastScores?
  /// Mean of the rows before the first forecast.
  public let mean: ForecastScores

  enum CodingKeys: String, CodingKey {
    case from, origins, horizon, season, model, intervals, ridge, mean
    case isSeasonFound = "season_found"
    case lastValue = "last_value"
    case seasonalNaive = "seasonal_naive"
  }

  /// The forecasts with their names.
  public var all: [(name: String, scores: ForecastScores)] {
    [
      ("model", model), ("last value", lastValue), ("seasonal naive", seasonalNaive),
      ("ridge", ridge), ("mean", mean),
    ].compactMap { name, scores in scores.map { (name, $0) } }
  }

  /// Choice of the forecasts.
  public struct Origins: Sendable {
    /// First row to forecast, counted from 1; nil for that after nine tenths of the rows.
    public var from: Int?
    /// Largest number of forecasts of a series, evenly spaced; nil for all.
    public var most: Int?
    /// Season; nil to find it.
    public var season: Int?

    /// All forecasts of the last tenth.
    public init() {}

    /// Indices of the last known rows.
    func rows(of count: Int, horizon: Int) -> [Int] {
      let first = max((from ?? count * 9 / 10 + 1) - 2, 0)
      let all = Array(first..<max(first, count - horizon))
      guard let most, all.count > most else { return all }
      return (0..<most).map { all[$0 * (all.count - 1) / max(most - 1, 1)] }
    }
  }

  /// Evaluates a model; nil where no whole horizon follows an origin.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - series: Series with the model's columns.
  ///   - origins: Choice of the forecasts.
  ///   - report: Called with the number of rows read.
  /// - Throws: ``ForecastError``, or `ConfigurationError` when there are too few learned positions.
  public init?(
    of model: ForecasterModel, on series: [Series], _ origins: Origins,
    report: ProgressReport = { _ in }
  ) throws {
    let (network, channels) = (model.network, model.channels)
    let places = series.map { origins.rows(of: $0.count, horizon: network.horizon) }
    guard let first = places.first(where: { !$0.isEmpty })?.first else { return nil }
    let known = zip(series, places).map { series, places in
      places.first.map { $0 + 1 } ?? series.count
    }
    let peers = ForecastPeers(
      on: zip(series, known).map { $0.prefix($1) }, horizon: network.horizon,
      season: origins.season)
    var tables = [String: ForecastErrors]()
    func add(_ name: String, _ forecast: [Double], after row: Int, of series: Series) {
      tables[name, default: ForecastErrors(channels: channels.count, horizon: network.horizon)].add(
        forecast, targets: series.values[((row + 1) * channels.count)...])
    }
    var intervals = IntervalSums(quantiles: network.settings.quantiles, channels: channels.count)
    var done = 0
    for (series, places) in zip(series, places) where !places.isEmpty {
      let rows = try series.normalised(in: network.frame)
      try network.configuration.trunk.expectPositions(for: places.last! + 1)
      var (session, row, next) = (Session(network), 0, 0)
      session.read(rows: 0..<places.last! + 1, of: rows) { outputs in
        let (scalars, width) = (outputs.scalars, network.outputWidth)
        while next < places.count, places[next] < row + outputs.shape[0] {
          let index = places[next] - row
          let forecast = network.frame.restored(
            network.frame.forecast(
              scalars[index * width..<(index + 1) * width], ofRow: places[next], of: rows))
          let copies = network.settings.outputsPerValue
          let values = (0..<width / copies).map { forecast[$0 * copies + network.settings.middle] }
          intervals.add(
            forecast, targets: series.values[((places[next] + 1) * channels.count)...])
          add("model", values, after: places[next], of: series)
          for (name, values) in peers.forecasts(after: places[next], of: series) {
            add(name, values, after: places[next], of: series)
          }
          next += 1
        }
        row += outputs.shape[0]
        report(done + row)
      }
      done += series.count
    }
    func scores(_ name: String) -> ForecastScores? {
      tables[name].map { $0.scores(channels: channels, scales: peers.scales) }
    }
    from = first + 2
    self.origins = places.reduce(0) { $0 + $1.count }
    horizon = network.horizon
    (season, isSeasonFound) = (peers.season, origins.season == nil)
    self.model = scores("model")!
    self.intervals = intervals.intervals(channels: channels)
    lastValue = scores("last value")!
    seasonalNaive = scores("seasonal naive")
    ridge = scores("ridge")
    mean = scores("mean")!
  }
}
