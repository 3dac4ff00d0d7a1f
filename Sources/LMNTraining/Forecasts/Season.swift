/// Season of a series: the number of rows after which it resembles itself.
enum Season {
  /// Autocorrelation below which there is no season.
  private static let leastCorrelation = 0.2
  /// Largest season that is looked for.
  private static let longest = 1000
  /// Rows at the end of a series that are looked at.
  private static let mostRows = 20_000

  /// The season of a series, from the autocorrelation of the channels without their linear trend.
  ///
  /// It is the smallest lag at which the mean over the channels has a local maximum of at least nine
  /// tenths of the largest, among lags from 2 to a third of the rows.
  ///
  /// - Parameters:
  ///   - values: Row by row.
  ///   - channels: Values per row.
  /// - Returns: The season; nil where no lag has a correlation of 0.2.
  static func found(in values: ArraySlice<Double>, channels: Int) -> Int? {
    let values = Array(values.suffix(mostRows * channels))
    let rows = values.count / channels
    let most = min(rows / 3, longest)
    guard most > 2 else { return nil }
    var correlations = [Double](repeating: 0, count: most + 1)
    for channel in 0..<channels {
      let rest = withoutTrend((0..<rows).map { values[$0 * channels + channel] })
      let variance = rest.reduce(0) { $0 + $1 * $1 }
      guard variance > 0, variance.isFinite else { continue }
      for lag in 0...most {
        let sum = zip(rest.dropFirst(lag), rest).reduce(0) { $0 + $1.0 * $1.1 }
        correlations[lag] += sum / variance / Double(channels)
      }
    }
    let peaks = (2..<most).filter { lag in
      correlations[lag] > max(correlations[lag - 1], leastCorrelation)
        && correlations[lag] >= correlations[lag + 1]
    }
    guard let highest = peaks.map({ correlations[$0] }).max() else { return nil }
    return peaks.first { correlations[$0] >= 0.9 * highest }
  }

  /// Residuals of the least-squares line.
  private static func withoutTrend(_ values: [Double]) -> [Double] {
    let count = Double(values.count)
    let (mean, middle) = (values.reduce(0, +) / count, (count - 1) / 2)
    var (covariance, variance) = (0.0, 0.0)
    for (row, value) in values.enumerated() {
      covariance += (Double(row) - middle) * (value - mean)
      variance += (Double(row) - middle) * (Double(row) - middle)
    }
    let slope = covariance / variance
    return values.enumerated().map { $1 - mean - slope * (Double($0) - middle) }
  }
}
