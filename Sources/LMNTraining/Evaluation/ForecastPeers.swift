import LMNKernels
import LMNModel

/// Forecasts without a model, fitted to the rows before the first forecast.
struct ForecastPeers {
  /// Season, given or found; nil for none.
  let season: Int?
  /// Mean absolute difference of rows a season apart, per channel; of consecutive rows without one.
  let scales: [Double]
  private let channels, horizon: Int
  private let means: [Double]
  private let lines: [Line]

  /// Ridge regression of one channel.
  fileprivate struct Line {
    let frame: SeriesFrame
    let solution: RidgeRegression.Solution
  }

  /// Fits the forecasts.
  ///
  /// - Parameters:
  ///   - series: Known rows of each series.
  ///   - horizon: Rows per forecast.
  ///   - given: The season; nil to find it.
  init(on series: [Series], horizon: Int, season given: Int?) {
    let (channels, longest) = (series[0].channels.count, series.max { $0.count < $1.count }!)
    let season = given ?? Season.found(in: longest.values[...], channels: channels)
    (self.channels, self.horizon, self.season) = (channels, horizon, season)
    let normalisation = Normalisation(of: series.flatMap(\.values), channels: channels)
    means = normalisation.mean
    let distance = season ?? 1
    scales = (0..<channels).map { channel in
      var (sum, count) = (0.0, 0.0)
      for series in series where series.count > distance {
        for row in distance..<series.count {
          sum += abs(
            series.values[row * channels + channel]
              - series.values[(row - distance) * channels + channel])
          count += 1
        }
      }
      // Of a constant channel every error is infinitely large in its unit; 1 keeps it readable.
      return sum > 0 ? sum / count : 1
    }
    let lags = min(max(2 * (season ?? 12), 24), longest.count / 3)
    var lines: [Line] = []
    for channel in 0..<channels where lags > 1 {
      var settings = ForecasterNetwork.Settings()
      (settings.horizon, settings.lags, settings.normalisation) = (horizon, lags, .last)
      let frame = SeriesFrame(
        settings: settings,
        normalisation: Normalisation(
          mean: [normalisation.mean[channel]], deviation: [normalisation.deviation[channel]])!,
        units: SeriesFrame.Units(channels: 1))
      let own = series.map { series in
        (NormalisedSeries(Self.values(of: channel, in: series), in: frame), series.count)
      }
      let fit = LagMap(windows: [lags]).fit(to: own, in: frame, keepsUnits: true)
      if let fit { lines.append(Line(frame: frame, solution: fit.solution)) }
    }
    self.lines = lines
  }

  private static func values(of channel: Int, in series: Series) -> [Double] {
    let width = series.channels.count
    return (0..<series.count).map { series.values[$0 * width + channel] }
  }

  /// Forecasts after a row, by name, step by step and channel by channel.
  func forecasts(after row: Int, of series: Series) -> [(name: String, values: [Double])] {
    func repeated(_ value: (_ step: Int, _ channel: Int) -> Double) -> [Double] {
      (1...horizon).flatMap { step in (0..<channels).map { value(step, $0) } }
    }
    var all = [
      ("last value", repeated { series.values[row * channels + $1] }),
      ("mean", repeated { means[$1] }),
    ]
    if let season, row + 1 >= season {
      all.append(
        (
          "seasonal naive",
          repeated { step, channel in
            let distance = (step + season - 1) / season * season
            return series.values[(row + step - distance) * channels + channel]
          }
        ))
    }
    if lines.count == channels {
      let forecasts = lines.enumerated().map { channel, line in
        line.forecast(
          after: Self.values(of: channel, in: series.window(line.frame.window, before: row + 1)))
      }
      all.append(("ridge", repeated { forecasts[$1][$0 - 1] }))
    }
    return all
  }
}

extension ForecastPeers.Line {
  /// The forecast after some rows, step by step.
  fileprivate func forecast(after values: [Double]) -> [Double] {
    let series = NormalisedSeries(values, in: frame)
    let inputs = frame.inputs(ofRows: series.count - 1..<series.count, of: series).scalars
    let outputs = solution.bias.indices.map { output in
      var sum = solution.bias[output]
      for (input, value) in inputs.enumerated() {
        sum += solution.weights[output * inputs.count + input] * Double(value)
      }
      return Float(sum)
    }
    return frame.restored(frame.forecast(outputs, ofRow: series.count - 1, of: series))
  }
}

extension Series {
  /// Up to `count` rows before a row.
  fileprivate func window(_ count: Int, before end: Int) -> Series {
    let width = channels.count
    return Series(
      channels: channels, values: Array(values[max(0, end - count) * width..<end * width]))
  }
}
