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
  /// Losses of the model, less those of the line, of consecutive forecasts of a series.
  private var differences: [Double] = []
  /// Mean differences of blocks of forecasts whose targets hardly overlap.
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
    let ofLine = self.loss(line, ofRow: row, of: series, in: frame)
    differences.append((loss.sum - ofLine.sum) / Double(loss.count))
  }

  private func loss(
    _ outputs: ArraySlice<Float>, ofRow row: Int, of series: NormalisedSeries, in frame: SeriesFrame
  ) -> (sum: Double, count: Int) {
    let copies = frame.settings.outputsPerValue
    var (sum, count) = (0.0, 0)
    frame.forEachTarget(ofRow: row, of: series, before: series.count) { place, value in
      for copy in 0..<copies {
        let difference = value - Double(outputs[outputs.startIndex + place * copies + copy])
        sum += objective == .squared ? difference * difference : abs(difference)
        count += 1
      }
    }
    return (sum, count)
  }

  /// Ends a series: the next forecast is not consecutive.
  mutating func endSeries() {
    let length = max(horizon, differences.count / Self.mostBlocks, 1)
    for first in stride(from: 0, through: differences.count - length, by: length) {
      blocks.append(differences[first..<first + length].reduce(0, +) / Double(length))
    }
    differences = []
  }

  /// Mean loss.
  var mean: Double { sum / Double(count) }

  /// Blocks of a series, at most.
  private static let mostBlocks = 20
  /// Blocks from which a standard error is estimated, at least.
  private static let fewestBlocks = 4

  /// Whether the model is better than its line by three standard errors; true without a line.
  ///
  /// A validation part of a few horizons cannot tell a memory that serves from one that overfits; then
  /// the line is the better choice. Neighbouring blocks are related, so two standard errors are less
  /// than they seem.
  var isCredible: Bool {
    guard hasLine else { return true }
    guard blocks.count >= Self.fewestBlocks else { return false }
    let count = Double(blocks.count)
    let mean = blocks.reduce(0, +) / count
    let variance = blocks.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    return mean + 3 * (variance / count).squareRoot() < 0
  }
}
