import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// Fit of a forecaster's linear map of the lags: a ridge regression, which training leaves as it is.
///
/// Outputs for quantiles have the same weights, and biases from the quantiles of its errors.
///
/// The penalty is 1 on each standardised input, and 10 on the levels, which tie the forecast to the
/// values of the training part. Without given lags it is the mean of the regressions on windows of two,
/// four and six seasons: longer windows see more, shorter ones overfit less.
public struct LagMap: Sendable {
  /// Lags of the regressions whose mean is the map, ascending; empty for no map.
  public let windows: [Int]

  private static let penaltyOfLevels = 10.0
  /// Most inputs of a regression, which takes time in proportion to the cube of their number.
  private static let mostInputs = 1024
  /// Least rows of a series per lag.
  private static let rowsPerLag = 9

  /// The map that is the mean of regressions on windows of these lags.
  public init(windows: [Int]) { self.windows = windows }

  /// The map that suits a series.
  ///
  /// - Parameters:
  ///   - season: The season; nil for none.
  ///   - rows: Rows of the training part.
  ///   - columns: Number of channels and covariates.
  public init(season: Int?, rows: Int, columns: Int) {
    let most = max(2, min(rows / Self.rowsPerLag, Self.mostInputs / columns))
    let usual = max(2, min(24, rows / 4, Self.mostInputs / columns))
    guard let season else {
      windows = [usual]
      return
    }
    windows = Set([2, 4, 6].map { max(usual, min($0 * season, most / season * season)) }).sorted()
  }

  /// Weights and biases of a network's map, in the units of its frame.
  struct Fit: Sendable {
    /// Units that suit the map.
    var units: SeriesFrame.Units
    /// Weights and biases in these units.
    var solution: RidgeRegression.Solution
    /// Quantiles of the errors, per value and quantile, in these units; empty without quantiles.
    var offsets: [Double] = []
  }

  /// Fits the map.
  ///
  /// - Parameters:
  ///   - series: The series, and how many of their rows, from the first on, are to be used.
  ///   - frame: Frame of the network.
  ///   - keepsUnits: Whether the units are those of the frame; otherwise inputs and errors of the fit
  ///     get a mean square of 1.
  ///   - other: Outputs of the memory after each row of the series, which the map is added to; nil for 0.
  /// - Returns: The fit; nil without a row that has a whole window and a whole horizon.
  func fit(
    to series: [(rows: NormalisedSeries, count: Int)], in frame: SeriesFrame, keepsUnits: Bool,
    besides other: [Tensor]? = nil
  ) -> Fit? {
    let (settings, channels) = (frame.settings, frame.channels)
    let values = settings.horizon * channels
    let regression = RidgeRegression.over(series, in: frame, besides: other)
    guard regression.rowCount > 0 else { return nil }
    var mean = RidgeRegression.Solution(
      weights: .init(repeating: 0, count: values * frame.inputWidth),
      bias: .init(repeating: 0, count: values))
    for window in windows {
      let found = regression.solution { penalty(ofInput: $0, window: window, in: frame) }
      for index in mean.weights.indices {
        mean.weights[index] += found.weights[index] / Double(windows.count)
      }
      for index in mean.bias.indices {
        mean.bias[index] += found.bias[index] / Double(windows.count)
      }
    }
    var units = frame.units
    if !keepsUnits {
      let errors = (0..<values).map { regression.meanSquaredError(of: mean, output: $0) }
      let squares = regression.meanSquares
      for channel in 0..<channels {
        let places = stride(from: channel, to: values, by: channels)
        let error = places.reduce(0) { $0 + errors[$1] } / Double(settings.horizon)
        let lags = stride(from: channel, to: frame.firstLevel, by: channels)
        let square = lags.reduce(0) { $0 + squares[$1] } / Double(frame.window)
        units.outputs[channel] *= max(error.squareRoot(), Self.smallestUnit)
        units.inputs[channel] *= max(square.squareRoot(), Self.smallestUnit)
      }
      for output in 0..<values {
        let unit = units.outputs[output % channels] / frame.units.outputs[output % channels]
        mean.bias[output] /= unit
        for input in 0..<frame.inputWidth {
          let scale =
            input < frame.firstLevel
            ? units.inputs[input % channels] / frame.units.inputs[input % channels] : 1
          mean.weights[output * frame.inputWidth + input] *= scale / unit
        }
      }
    }
    var fit = Fit(units: units, solution: mean)
    if !settings.quantiles.isEmpty {
      var frame = frame
      frame.units = units
      fit.offsets = Self.quantiles(ofErrorsOf: mean, on: series, in: frame, besides: other)
    }
    return fit
  }

  /// Rows from which quantiles of errors are estimated, at most.
  private static let mostRowsForQuantiles = 4000

  /// Quantiles of targets less the outputs of the map, per value and quantile.
  private static func quantiles(
    ofErrorsOf solution: RidgeRegression.Solution,
    on series: [(rows: NormalisedSeries, count: Int)], in frame: SeriesFrame,
    besides other: [Tensor]?
  ) -> [Double] {
    let (quantiles, inputs) = (frame.settings.quantiles, frame.inputWidth)
    let copies = quantiles.count
    let values = solution.bias.count
    let total = series.reduce(0) { $0 + $1.count }
    let distance = max(1, total / mostRowsForQuantiles)
    var errors = [[Double]](repeating: [], count: values * copies)
    for (index, (rows, count)) in series.enumerated() {
      let memory = other.map { $0[index].scalars }
      for row in stride(
        from: frame.window - 1, to: count - frame.settings.horizon, by: distance)
      {
        let found = frame.inputs(ofRows: row..<row + 1, of: rows).scalars
        frame.forEachTarget(ofRow: row, of: rows, before: count) { place, target in
          let weights = solution.weights[place * inputs..<(place + 1) * inputs]
          let line =
            solution.bias[place] + zip(weights, found).reduce(0) { $0 + $1.0 * Double($1.1) }
          for copy in 0..<copies {
            let index = place * copies + copy
            let known = memory.map { Double($0[row * values * copies + index]) } ?? 0
            errors[index].append(target - line - known)
          }
        }
      }
    }
    return errors.enumerated().map { index, errors in
      let sorted = errors.sorted()
      // Linear between the two values around the quantile.
      let place = quantiles[index % copies] * Double(sorted.count - 1)
      let lower = Int(place)
      let upper = min(lower + 1, sorted.count - 1)
      return sorted[lower] + (place - Double(lower)) * (sorted[upper] - sorted[lower])
    }
  }

  private static let smallestUnit = 1e-6

  /// Penalty of an input in the regression on a window; nil for the inputs of earlier rows.
  private func penalty(ofInput input: Int, window: Int, in frame: SeriesFrame) -> Double? {
    switch input {
    case ..<frame.firstLevel:
      input / frame.channels >= frame.window - window ? 1 : nil
    case ..<frame.firstCovariate: Self.penaltyOfLevels
    default:
      (input - frame.firstCovariate) / frame.settings.covariates >= frame.window - window ? 1 : nil
    }
  }
}

extension ForecasterNetwork {
  /// Takes weights and biases of the linear map, and the units that they are in.
  mutating func take(_ fit: LagMap.Fit) {
    frame.units = fit.units
    let copies = settings.outputsPerValue
    func repeated(_ values: [Double], width: Int) -> [Float] {
      stride(from: 0, to: values.count, by: width).flatMap { first in
        (0..<copies).flatMap { _ in values[first..<first + width].map { Float($0) } }
      }
    }
    let (inputs, outputs) = (frame.inputWidth, outputWidth)
    lags?.weight = Variable(
      constant: Tensor(
        shape: [outputs, inputs], scalars: repeated(fit.solution.weights, width: inputs)))
    var bias = repeated(fit.solution.bias, width: 1)
    for (index, offset) in fit.offsets.enumerated() { bias[index] += Float(offset) }
    lags?.bias = Variable(constant: Tensor(shape: [outputs], scalars: bias))
  }
}

extension RidgeRegression {
  /// The regression of targets on inputs, over the rows with a whole window and a whole horizon.
  fileprivate static func over(
    _ series: [(rows: NormalisedSeries, count: Int)], in frame: SeriesFrame,
    besides other: [Tensor]?
  ) -> RidgeRegression {
    let values = frame.settings.horizon * frame.channels
    let (inputs, copies) = (frame.inputWidth, frame.settings.outputsPerValue)
    let middle = frame.settings.middle
    var sum = RidgeRegression(inputs: inputs, outputs: values)
    for (index, (rows, count)) in series.enumerated() {
      let usable = Array(frame.window - 1..<max(frame.window - 1, count - frame.settings.horizon))
      let memory = other.map { $0[index].scalars }
      // A fixed number of parts, so that the sums do not depend on the number of threads.
      let parts = 8
      let regressions = ExecutionContext.current.map(parts) { part in
        var regression = RidgeRegression(inputs: inputs, outputs: values)
        var row = [Double](repeating: 0, count: inputs + values)
        let scratch = Tensor(shape: [1, inputs], repeating: 0)
        for place in usable[usable.count * part / parts..<usable.count * (part + 1) / parts] {
          scratch.overwrite { frame.writeInputs(ofRow: place, of: rows, to: $0) }
          for (input, value) in scratch.scalars.enumerated() { row[input] = Double(value) }
          frame.forEachTarget(ofRow: place, of: rows, before: count) { target, value in
            let known =
              memory.map { Double($0[(place * values + target) * copies + middle]) } ?? 0
            row[inputs + target] = value - known
          }
          regression.add(row)
        }
        return regression
      }
      for regression in regressions { sum.add(regression) }
    }
    return sum
  }
}
