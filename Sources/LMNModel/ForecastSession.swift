public import LMNKernels

/// Streaming forecast of one series, in the channels' own units.
///
/// It is a value: a copy is a fork.
public struct ForecastSession: Sendable {
  private var session: Session<ForecasterNetwork>

  /// A session that continues from `state`; nil for the beginning of a series.
  public init(_ network: ForecasterNetwork, state: Trunk.State? = nil) {
    session = Session(network, state: state)
  }

  /// The network.
  public var network: ForecasterNetwork { session.network }

  /// The state of the series.
  public var state: Trunk.State { session.state }

  /// Number of rows read.
  public var position: Int { session.position }

  /// Reads one row in sequential form and returns the forecast after it.
  ///
  /// - Parameter row: C values, in the channels' own units.
  /// - Returns: h * C values in the channels' own units, row by row, next row first.
  public mutating func step(_ row: [Double]) -> [Double] {
    let normalised = normalised(row, rows: 1)
    let forecast = session.step { $0.overwrite { $0.update(from: normalised, count: row.count) } }
    return restored(forecast)
  }

  /// Reads rows in parallel form, in chunks of bounded size.
  ///
  /// - Parameters:
  ///   - values: Row by row, in the channels' own units.
  ///   - report: Called with the number of these rows that were read.
  /// - Returns: The forecast after the last row, as ``step(_:)`` gives it; nil when there are no rows.
  @discardableResult
  public mutating func read(
    _ values: [Double], report: (_ rows: Int) -> Void = { _ in }
  ) -> [Double]? {
    let rows = values.count / network.channels
    let normalised = normalised(values, rows: rows)
    var (last, done): (Tensor?, Int) = (nil, 0)
    session.read(Tensor(shape: [rows, network.channels], scalars: normalised)) { outputs in
      last = outputs.rows(outputs.shape[0] - 1..<outputs.shape[0])
      done += outputs.shape[0]
      report(done)
    }
    return last.map(restored)
  }

  /// Reads rows that are already normalised.
  ///
  /// - Parameters:
  ///   - values: Row by row, normalised.
  ///   - body: Receives the forecasts after each row in order, normalised, `[L, h * C]` per chunk.
  public mutating func readNormalised(
    _ values: [Float], _ body: (Tensor) throws -> Void
  ) rethrows {
    let channels = network.channels
    try session.read(Tensor(shape: [values.count / channels, channels], scalars: values), body)
  }

  private func normalised(_ values: [Double], rows: Int) -> [Float] {
    precondition(
      values.count == rows * network.channels,
      "ForecastSession: \(values.count) values for rows of \(network.channels)")
    return values.enumerated().map { index, value in
      network.normalisation.normalised(value, channel: index % network.channels)
    }
  }

  private func restored(_ forecast: Tensor) -> [Double] {
    forecast.scalars.enumerated().map { index, value in
      network.normalisation.restored(value, channel: index % network.channels)
    }
  }
}
