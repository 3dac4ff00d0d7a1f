/// Mean errors of forecasts.
public struct ForecastScores: Sendable, Codable, Equatable {
  /// Mean absolute scaled error, mean over the channels.
  ///
  /// Its unit is the mean absolute error of the seasonal forecast of one season over the rows before the
  /// first forecast (R. J. Hyndman and A. B. Koehler, International Journal of Forecasting 22, 2006).
  public let mase: Double
  /// Symmetric mean absolute percentage error, 0 to 200; mean over the channels.
  public let smape: Double
  /// Errors per channel, in its own unit.
  public let channels: [Channel]

  /// Errors of one channel, in its own unit.
  public struct Channel: Sendable, Codable, Equatable {
    /// Name of the channel.
    public let name: String
    /// Errors over all steps.
    public let all: Errors
    /// Errors of each step.
    public let steps: [Errors]
  }

  /// Mean errors of a channel.
  public struct Errors: Sendable, Codable, Equatable {
    /// Mean squared error.
    public let mse: Double
    /// Mean absolute error.
    public let mae: Double
    /// Mean absolute scaled error.
    public let mase: Double
    /// Symmetric mean absolute percentage error, 0 to 200.
    public let smape: Double
  }
}

/// Sums of errors per channel and step.
struct ForecastErrors {
  private let (channels, horizon): (Int, Int)
  private var count = 0.0
  /// Step by step, channel by channel.
  private var (squared, absolute, symmetric): ([Double], [Double], [Double])

  init(channels: Int, horizon: Int) {
    (self.channels, self.horizon) = (channels, horizon)
    squared = .init(repeating: 0, count: channels * horizon)
    (absolute, symmetric) = (squared, squared)
  }

  /// Adds a forecast of whole horizons; the targets may be followed by others.
  mutating func add(_ forecast: [Double], targets: ArraySlice<Double>) {
    count += 1
    for (place, (value, target)) in zip(forecast, targets).enumerated() {
      let difference = abs(value - target)
      squared[place] += difference * difference
      absolute[place] += difference
      let size = abs(value) + abs(target)
      symmetric[place] += size > 0 ? 200 * difference / size : 0
    }
  }

  /// Mean errors.
  ///
  /// - Parameters:
  ///   - names: Names of the channels.
  ///   - scales: Unit of MASE of each channel.
  /// - Returns: The errors.
  func scores(channels names: [String], scales: [Double]) -> ForecastScores {
    func errors(_ places: [Int], channel: Int) -> ForecastScores.Errors {
      func mean(_ sums: [Double]) -> Double {
        places.reduce(0) { $0 + sums[$1] } / count / Double(places.count)
      }
      return .init(
        mse: mean(squared), mae: mean(absolute), mase: mean(absolute) / scales[channel],
        smape: mean(symmetric))
    }
    let found = names.enumerated().map { channel, name in
      let places = Array(stride(from: channel, to: channels * horizon, by: channels))
      return ForecastScores.Channel(
        name: name, all: errors(places, channel: channel),
        steps: places.map { errors([$0], channel: channel) })
    }
    return ForecastScores(
      mase: found.reduce(0) { $0 + $1.all.mase } / Double(channels),
      smape: found.reduce(0) { $0 + $1.all.smape } / Double(channels), channels: found)
  }
}
