import LMN
import LMNCharts

extension LineChart {
  /// History and forecast of a channel, with the interval between its outermost quantiles.
  ///
  /// - Parameters:
  ///   - series: The series.
  ///   - forecast: The forecast after it.
  ///   - channel: Index of the channel.
  init(of series: LMN.Series, _ forecast: Forecast, channel: Int) {
    let width = series.channels.count
    // Enough to see what the forecast goes on from.
    let count = min(series.count, max(60, 4 * forecast.count))
    let history = (series.count - count..<series.count).map { row in
      Point(Double(row + 1 - series.count), series.values[row * width + channel])
    }
    let quantiles = forecast.quantiles.count
    let future = (0..<forecast.count).map { row in
      Point(
        Double(row + 1), forecast[row, channel],
        spread: quantiles < 2
          ? nil
          : forecast[row, channel, quantile: 0]...forecast[row, channel, quantile: quantiles - 1])
    }
    let name = series.channels[channel]
    let last = series.times.map { "rows after \($0.last)" } ?? "rows after the last"
    let interval =
      quantiles < 2 ? "" : ", \(forecast.quantiles[0]) to \(forecast.quantiles[quantiles - 1])"
    self.init(
      ([series.name, name].compactMap(\.self)).joined(separator: ": "), x: Axis(last),
      y: Axis(name),
      series: [
        Series("measured", history), Series("forecast\(interval)", history.suffix(1) + future),
      ])
  }
}
