import LMNKernels
public import LMNMemories
public import LMNModel

/// Evaluation of a model on a series, with two baselines.
///
/// From each row but the last, the following rows up to the horizon are forecast; errors are means
/// over all channels and steps of these forecasts.
public struct ForecastEvaluation: Sendable, Codable, Equatable {
  /// Number of forecast values.
  public let values: Int
  /// Errors of the model.
  public let model: Errors
  /// Errors of repeating the last row.
  public let lastValue: Errors
  /// Errors of the training part's mean as a constant forecast.
  public let mean: Errors

  enum CodingKeys: String, CodingKey {
    case values, model, mean
    case lastValue = "last_value"
  }

  /// Mean errors.
  public struct Errors: Sendable, Codable, Equatable {
    /// Mean squared error, channels normalised.
    public let squared: Double
    /// Mean absolute error, channels normalised.
    public let absolute: Double
    /// Mean squared error, channels in their own units.
    public let squaredInOwnUnits: Double
    /// Mean absolute error, channels in their own units.
    public let absoluteInOwnUnits: Double

    enum CodingKeys: String, CodingKey {
      case squared = "mse"
      case absolute = "mae"
      case squaredInOwnUnits = "mse_own_units"
      case absoluteInOwnUnits = "mae_own_units"
    }

    var isFinite: Bool {
      [squared, absolute, squaredInOwnUnits, absoluteInOwnUnits].allSatisfy(\.isFinite)
    }
  }

  /// Whether all errors are finite and so can be coded as JSON.
  var isFinite: Bool { [model, lastValue, mean].allSatisfy(\.isFinite) }

  init(_ sums: Sums) {
    values = sums.count
    model = sums.model.divided(by: sums.count)
    lastValue = sums.lastValue.divided(by: sums.count)
    mean = sums.mean.divided(by: sums.count)
  }

  /// Evaluates a model on each series as one stream, with its state carried from the first row to the
  /// last.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - series: At least two rows each.
  ///   - report: Called with the number of rows read.
  /// - Returns: The evaluation.
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public static func streaming(
    _ model: ForecasterModel, over series: [NormalisedSeries], report: ProgressReport = { _ in }
  ) throws(ConfigurationError) -> ForecastEvaluation {
    var (sums, done) = (Sums(), 0)
    for series in series {
      precondition(series.count > 1, "an evaluation needs two rows")
      try model.network.configuration.trunk.expectPositions(for: series.count)
      sums.add(
        Self.sums(of: model.network, 0..<series.count, of: series) { report(done + $0) })
      done += series.count
    }
    return ForecastEvaluation(sums)
  }

  /// Evaluates a model in blocks of `length` rows, each from the initial state, as in training.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - series: At least two rows each.
  ///   - length: At least one.
  ///   - report: Called with the number of rows read.
  /// - Returns: The evaluation.
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public static func byBlocks(
    _ model: ForecasterModel, over series: [NormalisedSeries], length: Int,
    report: ProgressReport = { _ in }
  ) throws(ConfigurationError) -> ForecastEvaluation {
    precondition(length > 0, "an evaluation in blocks of \(length) rows")
    var blocks: [(series: NormalisedSeries, rows: Range<Int>)] = []
    for series in series {
      let count = series.count
      precondition(count > 1, "an evaluation needs two rows")
      try model.network.configuration.trunk.expectPositions(for: min(length, count - 1))
      blocks += stride(from: 0, to: count - 1, by: length).map {
        (series, $0..<min($0 + length, count - 1))
      }
    }
    let all = blocks
    let found = ExecutionContext.current.map(
      all.count, reporting: { done in report(all.prefix(done).reduce(0) { $0 + $1.rows.count }) }
    ) { sums(of: model.network, all[$0].rows, of: all[$0].series) }
    return ForecastEvaluation(found.reduce(into: Sums()) { $0.add($1) })
  }

  /// Errors of the forecasts after rows that are read as one stream.
  private static func sums(
    of network: ForecasterNetwork, _ rows: Range<Int>, of series: NormalisedSeries,
    report: ProgressReport = { _ in }
  ) -> Sums {
    var (session, sums, row) = (Session(network), Sums(), rows.lowerBound)
    session.read(rows: rows, of: series) { outputs in
      let (scalars, width) = (outputs.scalars, network.outputWidth)
      for index in 0..<outputs.shape[0] {
        sums.add(
          scalars[index * width..<(index + 1) * width], ofRow: row + index, of: series,
          in: network.frame)
      }
      row += outputs.shape[0]
      report(row - rows.lowerBound)
    }
    return sums
  }

  /// Sums of errors, and their count.
  struct Sums: Sendable {
    private(set) var count = 0
    fileprivate private(set) var model = ErrorSums()
    fileprivate private(set) var lastValue = ErrorSums()
    fileprivate private(set) var mean = ErrorSums()

    /// Adds the errors of the forecasts of a row that are followed by their targets.
    mutating func add(
      _ outputs: ArraySlice<Float>, ofRow row: Int, of series: NormalisedSeries,
      in frame: SeriesFrame
    ) {
      let (width, copies) = (frame.channels, frame.settings.outputsPerValue)
      let forecast = frame.forecast(outputs, ofRow: row, of: series)
      // As the network has it.
      func rounded(_ value: Double) -> Double { Double(Float(value)) }
      let present = min(frame.settings.horizon, series.count - 1 - row) * width
      for place in 0..<present {
        let channel = place % width
        let target = rounded(series.values[(row + 1) * width + place])
        let deviation = frame.normalisation.deviation[channel]
        model.add(
          forecast[place * copies + frame.settings.middle] - target, deviation: deviation)
        lastValue.add(rounded(series.values[row * width + channel]) - target, deviation: deviation)
        mean.add(-target, deviation: deviation)
      }
      count += present
    }

    mutating func add(_ other: Sums) {
      count += other.count
      model.add(other.model)
      lastValue.add(other.lastValue)
      mean.add(other.mean)
    }
  }

  /// Sums of the four kinds of error.
  fileprivate struct ErrorSums: Sendable {
    private var (squared, absolute, squaredInOwnUnits, absoluteInOwnUnits) = (0.0, 0.0, 0.0, 0.0)

    mutating func add(_ difference: Double, deviation: Double) {
      let own = deviation * difference
      squared += difference * difference
      absolute += abs(difference)
      squaredInOwnUnits += own * own
      absoluteInOwnUnits += abs(own)
    }

    mutating func add(_ other: ErrorSums) {
      squared += other.squared
      absolute += other.absolute
      squaredInOwnUnits += other.squaredInOwnUnits
      absoluteInOwnUnits += other.absoluteInOwnUnits
    }

    func divided(by count: Int) -> Errors {
      let count = Double(count)
      return Errors(
        squared: squared / count, absolute: absolute / count,
        squaredInOwnUnits: squaredInOwnUnits / count,
        absoluteInOwnUnits: absoluteInOwnUnits / count)
    }
  }
}
