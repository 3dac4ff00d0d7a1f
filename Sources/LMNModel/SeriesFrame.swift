public import LMNKernels

/// Inputs and outputs of a forecaster in terms of the values of a series.
///
/// The input of a row is its window, the last P rows, relative to a level and in units of a scale that
/// both depend on these rows only; an output is a forecast in the same terms. So the network computes
/// with numbers that do not drift with the series (reversible instance normalisation, T. Kim et al.,
/// ICLR 2022, made causal). Nothing here has parameters, and the parallel and the sequential form
/// compute the same bits.
public struct SeriesFrame: Sendable, Equatable {
  /// Settings of the network.
  public let settings: ForecasterNetwork.Settings
  /// Mean and standard deviation of each channel, then of each covariate.
  public let normalisation: Normalisation
  /// Units of inputs and outputs.
  public var units: Units

  /// Units of a channel's inputs and outputs, times the scale of the window.
  public struct Units: Sendable, Equatable, Codable {
    /// Units of the inputs, per channel.
    public var inputs: [Double]
    /// Units of the outputs, per channel.
    public var outputs: [Double]

    /// The given units.
    public init(inputs: [Double], outputs: [Double]) {
      (self.inputs, self.outputs) = (inputs, outputs)
    }

    /// Units of 1.
    public init(channels: Int) {
      let ones = [Double](repeating: 1, count: channels)
      self.init(inputs: ones, outputs: ones)
    }

    /// Whether there is a positive number for each of `channels` channels.
    package func areValid(for channels: Int) -> Bool {
      [inputs, outputs].allSatisfy { units in
        units.count == channels && units.allSatisfy { $0 > 0 && $0.isFinite }
      }
    }
  }

  /// Level and scale of a channel in a window.
  public struct Level: Sendable {
    /// Value that is 0 in the window.
    public let level: Double
    /// Value that is 1 in the window.
    public let scale: Double
  }

  /// Smallest scale of a window, in standard deviations of the channel.
  static var smallestScale: Double { 1e-2 }

  /// C: number of channels.
  public var channels: Int { normalisation.channels - settings.covariates }
  /// P: rows of a window.
  public var window: Int { max(settings.lags, 1) }
  /// F: inputs per row: the channels of P rows, oldest first; the levels of the channels, if they depend
  /// on the row; the covariates of the P rows and of the h rows after them.
  public var inputWidth: Int {
    firstCovariate + (window + settings.horizon) * settings.covariates
  }
  /// Index of the first input that is a level.
  package var firstLevel: Int { window * channels }
  /// Index of the first input that is a covariate.
  package var firstCovariate: Int {
    firstLevel + (settings.normalisation.isRelative ? channels : 0)
  }
  /// Outputs per row: step by step, channel by channel, quantile by quantile.
  public var outputWidth: Int { settings.horizon * channels * settings.outputsPerValue }

  /// A frame.
  ///
  /// - Precondition: There is a unit for each channel.
  public init(
    settings: ForecasterNetwork.Settings, normalisation: Normalisation, units: Units
  ) {
    (self.settings, self.normalisation, self.units) = (settings, normalisation, units)
    precondition(units.areValid(for: channels), "SeriesFrame: invalid units")
  }

  // MARK: - Windows

  /// Level and scale of a channel in the window of a row.
  public func level(ofRow row: Int, of series: NormalisedSeries, channel: Int) -> Level {
    switch settings.normalisation {
    case .none:
      let (mean, deviation) = (normalisation.mean[channel], normalisation.deviation[channel])
      return Level(level: -mean / deviation, scale: 1 / deviation)
    case .global: return Level(level: 0, scale: 1)
    case .last: return Level(level: series.value(row, channel), scale: 1)
    case .window:
      let rows = max(0, row + 1 - window)...row
      let mean = rows.reduce(0) { $0 + series.value($1, channel) } / Double(rows.count)
      let variance =
        rows.reduce(0) { sum, row in
          let difference = series.value(row, channel) - mean
          return sum + difference * difference
        } / Double(rows.count)
      return Level(level: mean, scale: max(variance.squareRoot(), Self.smallestScale))
    }
  }

  /// Writes the F inputs of a row; before the first row of a series, that is repeated.
  package func writeInputs(
    ofRow row: Int, of series: NormalisedSeries, to inputs: UnsafeMutablePointer<Float>
  ) {
    let levels = (0..<channels).map { level(ofRow: row, of: series, channel: $0) }
    var place = 0
    for other in row + 1 - window...row {
      for (channel, level) in levels.enumerated() {
        let value = series.value(max(other, 0), channel)
        inputs[place] = Float((value - level.level) / (level.scale * units.inputs[channel]))
        place += 1
      }
    }
    if settings.normalisation.isRelative {
      for level in levels {
        inputs[place] = Float(level.level)
        place += 1
      }
    }
    guard settings.covariates > 0 else { return }
    for other in row + 1 - window...row + settings.horizon {
      for covariate in 0..<settings.covariates {
        inputs[place] = Float(series.covariate(other, covariate))
        place += 1
      }
    }
  }

  /// Inputs `[L, F]` of some rows of a series.
  public func inputs(ofRows rows: Range<Int>, of series: NormalisedSeries) -> Tensor {
    let inputs = Tensor(shape: [rows.count, inputWidth], repeating: 0)
    inputs.overwrite { pointer in
      for (index, row) in rows.enumerated() {
        writeInputs(ofRow: row, of: series, to: pointer + index * inputWidth)
      }
    }
    return inputs
  }

  // MARK: - Forecasts

  /// Calls `body` with the place of each target among those of a row, and its value in terms of the window.
  ///
  /// Rows from `end` on are no targets.
  public func forEachTarget(
    ofRow row: Int, of series: NormalisedSeries, before end: Int,
    _ body: (_ place: Int, _ value: Double) -> Void
  ) {
    for channel in 0..<channels {
      let level = level(ofRow: row, of: series, channel: channel)
      let unit = level.scale * units.outputs[channel]
      for step in 1...settings.horizon where row + step < end {
        let value = (series.value(row + step, channel) - level.level) / unit
        body((step - 1) * channels + channel, value)
      }
    }
  }

  /// Forecasts of a row, from the outputs of the network.
  ///
  /// - Parameters:
  ///   - outputs: Outputs of the row.
  ///   - row: The row.
  ///   - series: Rows up to this one.
  /// - Returns: One normalised value per output, in the same order.
  public func forecast(
    _ outputs: some Collection<Float>, ofRow row: Int, of series: NormalisedSeries
  ) -> [Double] {
    let levels = (0..<channels).map { level(ofRow: row, of: series, channel: $0) }
    return outputs.enumerated().map { index, output in
      let channel = index / settings.outputsPerValue % channels
      return levels[channel].level
        + levels[channel].scale * units.outputs[channel] * Double(output)
    }
  }

  /// Normalised forecasts of a row in the channels' own units.
  public func restored(_ forecast: [Double]) -> [Double] {
    forecast.enumerated().map { index, value in
      normalisation.restored(value, channel: index / settings.outputsPerValue % channels)
    }
  }
}

/// Rows of a series, normalised by mean and standard deviation of each channel.
public struct NormalisedSeries: Sendable {
  /// Values, row by row.
  public private(set) var values: [Double]
  /// Values of the covariates, row by row; known for later rows too.
  public private(set) var covariates: [Double]
  private let (width, covariateWidth): (Int, Int)

  /// The given rows.
  ///
  /// - Parameters:
  ///   - values: Row by row, in the channels' own units.
  ///   - covariates: Row by row, in their own units, as many rows or more.
  ///   - frame: Frame of the network.
  public init(_ values: [Double], covariates: [Double] = [], in frame: SeriesFrame) {
    (width, covariateWidth) = (frame.channels, frame.settings.covariates)
    let normalisation = frame.normalisation
    precondition(
      values.count.isMultiple(of: width)
        && (covariateWidth == 0
          ? covariates.isEmpty : covariates.count.isMultiple(of: covariateWidth)),
      "NormalisedSeries: \(values.count) values and \(covariates.count) of covariates in rows of "
        + "\(width) and \(covariateWidth)")
    let (width, covariateWidth) = (width, covariateWidth)
    self.values = values.enumerated().map {
      normalisation.normalised($1, channel: $0 % width)
    }
    self.covariates = covariates.enumerated().map {
      normalisation.normalised($1, channel: width + $0 % covariateWidth)
    }
  }

  /// Number of rows.
  public var count: Int { values.count / width }

  /// Value of a channel.
  func value(_ row: Int, _ channel: Int) -> Double { values[row * width + channel] }

  /// Value of a covariate; before the first row and after the last known one, that of the nearest.
  func covariate(_ row: Int, _ covariate: Int) -> Double {
    let last = covariates.count / covariateWidth - 1
    return covariates[min(max(row, 0), last) * covariateWidth + covariate]
  }

  /// Appends a row.
  mutating func append(_ other: NormalisedSeries) {
    values += other.values
    covariates += other.covariates
  }

  /// Removes the first rows.
  mutating func removeFirst(_ count: Int) {
    values.removeFirst(count * width)
    covariates.removeFirst(min(count * covariateWidth, covariates.count))
  }
}
