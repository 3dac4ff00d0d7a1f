import LMNKernels
public import LMNMemories
import LMNModel

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

  private init(_ sums: Sums) {
    values = sums.count
    model = sums.model.divided(by: sums.count)
    lastValue = sums.lastValue.divided(by: sums.count)
    mean = sums.mean.divided(by: sums.count)
  }

  /// Evaluates a model on one stream, with its state carried from the first row to the last.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - values: At least two rows, normalised.
  ///   - report: Called with the number of rows read.
  /// - Returns: The evaluation.
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public static func streaming(
    _ model: ForecasterModel, over values: [Float], report: ProgressReport = { _ in }
  ) throws(ConfigurationError) -> ForecastEvaluation {
    let width = model.network.channels
    precondition(values.count >= 2 * width, "an evaluation needs two rows")
    try model.network.configuration.trunk.expectPositions(for: values.count / width)
    var session = ForecastSession(model.network)
    var (sums, row) = (Sums(), 0)
    session.readNormalised(values) { forecasts in
      sums.add(forecasts, after: row, of: values, by: model.network)
      row += forecasts.shape[0]
      report(row)
    }
    return ForecastEvaluation(sums)
  }

  /// Evaluates a model in blocks of `length` rows, each from the initial state, as in training.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - values: At least two rows, normalised.
  ///   - length: At least one.
  ///   - report: Called with the number of rows read.
  /// - Returns: The evaluation.
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public static func byBlocks(
    _ model: ForecasterModel, over values: [Float], length: Int,
    report: ProgressReport = { _ in }
  ) throws(ConfigurationError) -> ForecastEvaluation {
    let width = model.network.channels
    let rows = values.count / width
    precondition(rows > 1 && length > 0, "an evaluation needs two rows")
    try model.network.configuration.trunk.expectPositions(for: min(length, rows - 1))
    let starts = Array(stride(from: 0, to: rows - 1, by: length))
    let blocks = ExecutionContext.current.map(
      starts.count, reporting: { report(min($0 * length, rows)) }
    ) { block in
      let end = min(starts[block] + length, rows - 1)
      var (sums, row) = (Sums(), starts[block])
      var session = ForecastSession(model.network)
      session.readNormalised(Array(values[starts[block] * width..<end * width])) { forecasts in
        sums.add(forecasts, after: row, of: values, by: model.network)
        row += forecasts.shape[0]
      }
      return sums
    }
    return ForecastEvaluation(blocks.reduce(into: Sums()) { $0.add($1) })
  }

  /// Sums of errors, and their count.
  private struct Sums {
    var count = 0
    var model = ErrorSums()
    var lastValue = ErrorSums()
    var mean = ErrorSums()

    /// Adds the errors of the forecasts after each row, starting with row `first`.
    mutating func add(
      _ forecasts: Tensor, after first: Int, of values: [Float], by forecaster: ForecasterNetwork
    ) {
      let (width, columns) = (forecaster.channels, forecasts.shape[1])
      let deviations = forecaster.normalisation.deviation
      let scalars = forecasts.scalars
      for index in 0..<forecasts.shape[0] {
        let next = (first + index + 1) * width
        let present = min(columns, values.count - next)
        for column in 0..<present {
          let (channel, target) = (column % width, Double(values[next + column]))
          let deviation = deviations[channel]
          model.add(Double(scalars[index * columns + column]) - target, deviation: deviation)
          lastValue.add(
            Double(values[next - width + channel]) - target, deviation: deviation)
          mean.add(-target, deviation: deviation)
        }
        count += present
      }
    }

    mutating func add(_ other: Sums) {
      count += other.count
      model.add(other.model)
      lastValue.add(other.lastValue)
      mean.add(other.mean)
    }
  }

  /// Sums of the four kinds of error.
  private struct ErrorSums {
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
