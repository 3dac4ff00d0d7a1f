import LMNKernels
import LMNMemories
import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Forecast of the rows after the end of a series, in the channels' own units.
public struct Forecast: Sendable, Equatable {
  /// Name of the series in a table of several; nil for the only one.
  public let series: String?
  /// Names of the channels.
  public let channels: [String]
  /// Quantiles, ascending; empty for one value.
  public let quantiles: [Double]
  /// Times of the forecast rows; empty without a time column.
  public let times: [Timestamp]
  /// Values, row by row, channel by channel, quantile by quantile, each in ascending order.
  public let values: [Double]
  private let middle: Int

  init(_ outputs: [Double], after series: Series, by network: ForecasterNetwork) {
    (self.series, channels) = (series.name, series.channels)
    (quantiles, middle) = (network.settings.quantiles, network.settings.middle)
    let copies = network.settings.outputsPerValue
    // Quantiles are trained apart, so they may cross.
    values = stride(from: 0, to: outputs.count, by: copies).flatMap {
      outputs[$0..<$0 + copies].sorted()
    }
    times = (1...network.horizon).compactMap { series.times?.time(after: $0) }
  }

  /// Number of forecast rows.
  public var count: Int { values.count / channels.count / copies }
  private var copies: Int { max(quantiles.count, 1) }

  /// The forecast of a channel: that of the quantile nearest to the median.
  public subscript(row: Int, channel: Int) -> Double { self[row, channel, quantile: middle] }

  /// A quantile of the forecast of a channel, by its index.
  public subscript(row: Int, channel: Int, quantile quantile: Int) -> Double {
    values[(row * channels.count + channel) * copies + quantile]
  }
}

extension ForecasterModel {
  /// The forecast after the last row of a series.
  ///
  /// - Parameters:
  ///   - series: A series with the model's channels and covariates, these for the rows of the horizon
  ///     too.
  ///   - report: Called with the number of rows read.
  /// - Returns: The forecast.
  /// - Throws: `ConfigurationError` when there are too few learned positions, ``ForecastError``.
  public func forecast(
    after series: Series, report: ProgressReport = { _ in }
  ) throws -> Forecast {
    precondition(
      series.channels == channels && series.covariates == covariates,
      "forecast: a series of \(series.channels) with \(series.covariates)")
    try network.configuration.trunk.expectPositions(for: series.count)
    _ = try series.normalised(in: network.frame)
    let known = series.covariateCount - series.count
    if !covariates.isEmpty && known < network.horizon {
      throw ForecastError.unknownCovariates(
        covariates, known: known, needed: network.horizon)
    }
    var session = ForecastSession(network)
    // A series has at least one row.
    let outputs = session.read(
      series.values, covariates: series.covariateValues, report: report)!
    return Forecast(outputs, after: series, by: network)
  }

  /// Forecasts as a CSV table with a header: the columns that the model was trained with, and one for
  /// each quantile but the middle one.
  ///
  /// Values have a resolution of a millionth of the channel's standard deviation.
  public func table(of forecasts: [Forecast], time: String?) -> String {
    // An integer divided by a power of ten prints with at most that many decimals.
    let scales = network.normalisation.deviation.map { deviation in
      pow(10, min(max(6 - log10(deviation).rounded(.down), 0), 22))
    }
    let quantiles = network.settings.quantiles
    let others = quantiles.indices.filter { $0 != network.settings.middle }
    let names = channels.flatMap { channel in
      [channel] + others.map { "\(channel)_\(quantiles[$0])" }
    }
    let header = [columns.series, time].compactMap(\.self) + names
    let rows = forecasts.flatMap { forecast in
      (0..<forecast.count).map { row in
        let time = forecast.times.isEmpty ? nil : forecast.times[row].description
        return [forecast.series, time].compactMap(\.self).map(csvField)
          + channels.indices.flatMap { channel in
            ([forecast[row, channel]] + others.map { forecast[row, channel, quantile: $0] }).map {
              "\(($0 * scales[channel]).rounded() / scales[channel])"
            }
          }
      }
    }
    return ([header.map(csvField)] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }
}

/// Forecasts of a saved model, for use in programs.
///
///     let forecast = try SeriesForecaster(contentsOf: "power").forecast(csv: bytes)[0]
public struct SeriesForecaster: Sendable {
  /// The model.
  public let model: ForecasterModel

  /// Reads a model file, or the best model of a run's directory.
  public init(contentsOf path: String) throws { model = try ForecasterModel(contentsOf: path) }

  /// The forecast after the last row of a series.
  ///
  /// - Parameters:
  ///   - values: Row by row, in the order of the model's channels.
  ///   - covariates: Row by row, for these rows and those of the horizon.
  /// - Returns: The forecast.
  /// - Throws: ``ForecastError``, or `ConfigurationError` when there are too few learned positions.
  public func forecast(_ values: [Double], covariates: [Double] = []) throws -> Forecast {
    var series = Series(channels: model.channels, values: values)
    (series.covariates, series.covariateValues) = (model.covariates, covariates)
    return try model.forecast(after: series)
  }

  /// The forecasts after the series of a CSV table, one per series.
  ///
  /// - Parameters:
  ///   - bytes: The table, with the columns that the model was trained with.
  ///   - file: Name of the table in errors.
  ///   - format: Format of the table.
  /// - Returns: The forecasts, in the order of the series.
  /// - Throws: ``CSVError`` with line and column, and as ``forecast(_:covariates:)``.
  public func forecast(
    csv bytes: [UInt8], file: String = "table", format: TableFormat = .init()
  ) throws -> [Forecast] {
    try SeriesTable(csv: bytes, file: file, columns: model.columns, format: format).series.map {
      try model.forecast(after: $0)
    }
  }
}
