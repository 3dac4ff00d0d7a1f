import LMNAutodiff
import LMNKernels
import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Validation losses of a forecaster, beside those of its linear map alone.
struct ForecastLosses {
  private let objective: PredictionError
  private let horizon: Int
  private var (sum, count) = (0.0, 0)
  private var hasLine = false
  /// Losses of model and line, of consecutive forecasts of a series.
  private var pairs: [(model: Double, line: Double)] = []
  /// Logarithms of the ratio of both, of blocks of forecasts whose targets hardly overlap.
  private var blocks: [Double] = []

  init(_ objective: PredictionError, horizon: Int) {
    (self.objective, self.horizon) = (objective, horizon)
  }

  /// Adds the loss of the forecast of a row.
  mutating func add(
    _ outputs: ArraySlice<Float>, line: ArraySlice<Float>?, ofRow row: Int,
    of series: NormalisedSeries, in frame: SeriesFrame
  ) {
    let loss = loss(outputs, ofRow: row, of: series, in: frame)
    sum += loss.sum
    count += loss.count
    guard let line else { return }
    hasLine = true
    pairs.append((loss.sum, self.loss(line, ofRow: row, of: series, in: frame).sum))
  }

  private func loss(
    _ outputs: ArraySlice<Float>, ofRow row: Int, of series: NormalisedSeries, in frame: SeriesFrame
  ) -> (sum: Double, count: Int) {
    // The median stands for the forecast without quantiles.
    let quantiles = frame.settings.quantiles.isEmpty ? [0.5] : frame.settings.quantiles
    var (sum, count) = (0.0, 0)
    frame.forEachTarget(ofRow: row, of: series, before: series.count) { place, value in
      for (copy, quantile) in quantiles.enumerated() {
        let output = outputs[outputs.startIndex + place * quantiles.count + copy]
        // As the network has it.
        let difference = Double(Float(value)) - Double(output)
        sum +=
          objective == .squared
          ? difference * difference
          : 2 * (difference > 0 ? quantile : 1 - quantile) * abs(difference)
        count += 1
      }
    }
    return (sum, count)
  }

  /// Ends a series: the next forecast is not consecutive.
  mutating func endSeries() {
    let length = max(horizon, pairs.count / Self.mostBlocks, 1)
    for first in stride(from: 0, through: pairs.count - length, by: length) {
      let sums = pairs[first..<first + length].reduce(into: (model: 0.0, line: 0.0)) {
        $0.model += $1.model
        $0.line += $1.line
      }
      // Of a line without errors nothing can be better.
      if sums.line > 0 { blocks.append(log(max(sums.model / sums.line, .leastNormalMagnitude))) }
    }
    pairs = []
  }

  /// Mean loss.
  var mean: Double { sum / Double(count) }

  /// Blocks of a series, at most.
  private static let mostBlocks = 20
  /// Blocks from which a standard error is estimated, at least.
  private static let fewestBlocks = 4

  /// Whether the model is better than its line by three standard errors of the mean logarithm of the
  /// ratio of their losses; true without a line.
  ///
  /// A validation part of a few horizons cannot tell a memory that serves from one that overfits; then
  /// the line is the better choice. Ratios count calm and rough parts of a series alike, and neighbouring
  /// blocks are related, so two standard errors are less than they seem.
  var isCredible: Bool {
    guard hasLine else { return true }
    guard blocks.count >= Self.fewestBlocks else { return false }
    let count = Double(blocks.count)
    let mean = blocks.reduce(0, +) / count
    let variance = blocks.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    return mean + 3 * (variance / count).squareRoot() < 0
  }
}
