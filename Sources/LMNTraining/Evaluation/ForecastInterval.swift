/// Interval between two quantiles of a forecaster.
public struct ForecastInterval: Sendable, Codable, Equatable {
  /// Quantile of the lower end.
  public let lower: Double
  /// Quantile of the upper end.
  public let upper: Double
  /// The interval for each channel.
  public let channels: [Channel]

  /// The interval for one channel.
  public struct Channel: Sendable, Codable, Equatable {
    /// Name of the channel.
    public let name: String
    /// Share of the targets inside; of exact quantiles `upper - lower`.
    public let coverage: Double
    /// Mean width, in the channel's own unit.
    public let width: Double
  }
}

/// Sums over intervals per channel.
struct IntervalSums {
  private let quantiles: [Double]
  private let channels: Int
  private var count = 0.0
  /// Interval by interval, channel by channel.
  private var (inside, width): ([Double], [Double])

  /// Intervals between the outermost quantiles, the next ones, and so on.
  init(quantiles: [Double], channels: Int) {
    (self.quantiles, self.channels) = (quantiles, channels)
    inside = .init(repeating: 0, count: quantiles.count / 2 * channels)
    width = inside
  }

  /// Adds the quantiles of a forecast, value by value; the targets may be followed by others.
  mutating func add(_ forecast: [Double], targets: ArraySlice<Double>) {
    if inside.isEmpty { return }
    let copies = quantiles.count
    let values = forecast.count / copies
    count += Double(values / channels)
    for (place, target) in zip(0..<values, targets) {
      // Quantiles are trained apart, so they may cross.
      let sorted = forecast[place * copies..<(place + 1) * copies].sorted()
      for interval in 0..<copies / 2 {
        let (lower, upper) = (sorted[interval], sorted[copies - 1 - interval])
        let index = interval * channels + place % channels
        inside[index] += (lower...upper).contains(target) ? 1 : 0
        width[index] += upper - lower
      }
    }
  }

  /// The intervals; nil without any.
  func intervals(channels names: [String]) -> [ForecastInterval]? {
    if inside.isEmpty { return nil }
    return (0..<quantiles.count / 2).map { interval in
      ForecastInterval(
        lower: quantiles[interval], upper: quantiles[quantiles.count - 1 - interval],
        channels: names.enumerated().map { channel, name in
          let index = interval * channels + channel
          return .init(name: name, coverage: inside[index] / count, width: width[index] / count)
        })
    }
  }
}
