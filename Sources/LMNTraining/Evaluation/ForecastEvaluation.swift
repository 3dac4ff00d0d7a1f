import LMNKernels
public import LMNMemories
import LMNModel

/// How well a model forecasts a series, and how well one could without a model.
///
/// From every row but the last, as many of the following rows as there are up to the horizon are
/// forecast; errors are means over all channels, and horizons, of all these forecasts.
public struct ForecastEvaluation: Sendable, Codable, Equatable {
  /// Values that were forecast.
  public let values: Int
  /// Of the model.
  public let model: Errors
  /// Of repeating the last row.
  public let lastValue: Errors
  /// Of always giving the mean of the series that the model was trained on.
  public let mean: Errors

  enum CodingKeys: String, CodingKey {
    case values, model, mean
    case lastValue = "last_value"
  }

  /// Mean errors.
  public struct Errors: Sendable, Codable, Equatable {
    /// Of the squared difference, channels normalised.
    public let squared: Double
    /// Of the absolute difference, channels normalised.
    public let absolute: Double
    /// Of the squared difference, channels in their own units.
    public let squaredInOwnUnits: Double
    /// Of the absolute difference, channels in their own units.
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

  /// Whether JSON can hold it.
  var isFinite: Bool { [model, lastValue, mean].allSatisfy(\.isFinite) }

  private init(_ sums: Sums) {
    values = sums.count
    model = sums.model.divided(by: sums.count)
    lastValue = sums.lastValue.divided(by: sums.count)
    mean = sums.mean.divided(by: sums.count)
  }

  /// One stream from the first row to the last, its state carried along.
  ///
  /// - Parameters:
  ///   - model: What forecasts.
  ///   - values: At least two rows, normalised.
  /// - Returns: How well it does.
  /// - Throws: When the model has learned too few positions.
  public static func streaming(
    _ model: ForecasterModel, over values: [Float]
  ) throws(ConfigurationError) -> ForecastEvaluation {
    let width = model.network.channels
    precondition(values.count >= 2 * width, "an evaluation needs two rows")
    try model.network.configuration.expectPositions(for: values.count / width)
    var session = ForecastSession(model.network)
    var (sums, row) = (Sums(), 0)
    session.readNormalised(values) { forecasts in
      sums.add(forecasts, behind: row, of: values, by: model.network)
      row += forecasts.shape[0]
    }
    return ForecastEvaluation(sums)
  }

  /// Blocks of `length` rows, each forecast from its own beginning, as in training.
  ///
  /// - Parameters:
  ///   - model: What forecasts.
  ///   - values: At least two rows, normalised.
  ///   - length: At least one.
  /// - Returns: How well it does.
  /// - Throws: When the model has learned too few positions for a block.
  public static func byBlocks(
    _ model: ForecasterModel, over values: [Float], length: Int
  ) throws(ConfigurationError) -> ForecastEvaluation {
    let width = model.network.channels
    let rows = values.count / width
    precondition(rows > 1 && length > 0, "an evaluation needs two rows")
    try model.network.configuration.expectPositions(for: min(length, rows - 1))
    let starts = Array(stride(from: 0, to: rows - 1, by: length))
    let blocks = ExecutionContext.current.map(starts.count) { block in
      let end = min(starts[block] + length, rows - 1)
      var (sums, row) = (Sums(), starts[block])
      var session = ForecastSession(model.network)
      session.readNormalised(Array(values[starts[block] * width..<end * width])) { forecasts in
        sums.add(forecasts, behind: row, of: values, by: model.network)
        row += forecasts.shape[0]
      }
      return sums
    }
    return ForecastEvaluation(blocks.reduce(into: Sums()) { $0.add($1) })
  }

  /// Errors, not yet divided by how many they are.
  private struct Sums {
    var count = 0
    var model = ErrorSums()
    var lastValue = ErrorSums()
    var mean = ErrorSums()

    /// Adds the errors of the forecasts behind a row and those that follow it.
    mutating func add(
      _ forecasts: Tensor, behind first: Int, of values: [Float], by forecaster: ForecasterNetwork
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

  /// Sums of errors, of the four kinds.
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
