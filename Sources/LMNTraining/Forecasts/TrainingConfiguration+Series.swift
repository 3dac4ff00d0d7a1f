import LMNMemories
import LMNModel

extension TrainingConfiguration {
  /// Sets lags, sizes and steps that suit some series: small networks and few steps for few rows.
  ///
  /// - Parameters:
  ///   - series: The series.
  ///   - rows: Training rows of all series.
  ///   - season: Their season; nil to find it.
  public mutating func suit(_ series: [Series], rows: Int, season: Int?) {
    let longest = series.max { $0.count < $1.count }!
    let channels = longest.channels.count
    let lags = LagMap(
      season: season ?? Season.found(in: longest.values[...], channels: channels),
      rows: longest.count, columns: channels + longest.covariates.count)
    task.forecast.lagWindows = lags.windows
    task.forecast.network.lags = lags.windows.last!
    task.forecast.network.normalisation = .last
    model.width = rows < 1000 ? 16 : 32
    model.layers = 2
    model.dropout = rows < 1000 ? 0.2 : 0.1
    // Windows start after the first lags.
    let room = max((longest.count - lags.windows.last!) / 4, 8)
    blockLength = [256, 128, 64, 32, 16, 8].first { $0 <= room } ?? 8
    batchSize = 8
    steps = rows < 1000 ? 300 : rows < 10_000 ? 600 : 1500
    (evaluateEvery, patience) = (steps / 20, 6)
    schedule = .warmUpThenCosine(
      peak: 3e-3, warmUpSteps: steps / 20, totalSteps: steps, minimumFraction: 0.1)
  }
}
