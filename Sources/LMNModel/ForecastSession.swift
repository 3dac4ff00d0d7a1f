public import LMNKernels

/// Streaming forecast of one series, in the channels' own units.
///
/// It is a value: a copy is a fork.
public struct ForecastSession: Sendable {
  private var session: Session<ForecasterNetwork>
  private var series: NormalisedSeries

  /// State of a series: that of the network, and the rows of the last window.
  public struct State: Sendable {
    /// State of the network.
    public let trunk: Trunk.State
    fileprivate let series: NormalisedSeries
  }

  /// A session that continues from `state`; nil for the beginning of a series.
  public init(_ network: ForecasterNetwork, state: State? = nil) {
    session = Session(network, state: state?.trunk)
    series = state?.series ?? NormalisedSeries([], in: network.frame)
  }

  /// The network.
  public var network: ForecasterNetwork { session.network }

  /// The state of the series.
  public var state: State { State(trunk: session.state, series: series) }

  /// Number of rows read.
  public var position: Int { session.position }

  /// Reads one row in sequential form and returns the forecast after it.
  ///
  /// - Parameters:
  ///   - row: C values, in the channels' own units.
  ///   - covariates: Values of the covariates in the rows after those given before, row by row. Known
  ///     are at best the rows up to the horizon; after the last known row it is repeated.
  /// - Returns: Values in the channels' own units, row by row, next row first; with quantiles those of
  ///   each value, in their order.
  public mutating func step(_ row: [Double], covariates: [Double] = []) -> [Double] {
    append(row, covariates, rows: 1)
    let (frame, series) = (network.frame, series)
    let outputs = session.step { inputs in
      inputs.overwrite { frame.writeInputs(ofRow: series.count - 1, of: series, to: $0) }
    }
    let forecast = restored(outputs.scalars)
    trim()
    return forecast
  }

  /// Reads rows in parallel form, in chunks of bounded size.
  ///
  /// - Parameters:
  ///   - values: Row by row, in the channels' own units.
  ///   - covariates: As for ``step(_:covariates:)``.
  ///   - report: Called with the number of these rows that were read.
  /// - Returns: The forecast after the last row, as ``step(_:covariates:)`` gives it; nil when there are no
  ///   rows.
  @discardableResult
  public mutating func read(
    _ values: [Double], covariates: [Double] = [], report: (_ rows: Int) -> Void = { _ in }
  ) -> [Double]? {
    let first = series.count
    append(values, covariates, rows: values.count / network.channels)
    var (last, done): (Tensor?, Int) = (nil, 0)
    session.read(rows: first..<series.count, of: series) { outputs in
      last = outputs
      done += outputs.shape[0]
      report(done)
    }
    let forecast = last.map { restored($0.scalars.suffix(network.outputWidth)) }
    trim()
    return forecast
  }

  private mutating func append(_ values: [Double], _ covariates: [Double], rows: Int) {
    precondition(
      values.count == rows * network.channels,
      "ForecastSession: \(values.count) values for rows of \(network.channels)")
    series.append(NormalisedSeries(values, covariates: covariates, in: network.frame))
    precondition(
      network.settings.covariates == 0 || !series.covariates.isEmpty,
      "ForecastSession: no values of the covariates")
  }

  /// Removes the rows before the next window.
  private mutating func trim() {
    series.removeFirst(max(0, series.count - network.frame.window))
  }

  private func restored(_ outputs: some Collection<Float>) -> [Double] {
    let frame = network.frame
    return frame.restored(frame.forecast(outputs, ofRow: series.count - 1, of: series))
  }
}

extension Session where N == ForecasterNetwork {
  /// Reads rows of a series, whose earlier rows are visible in the first windows.
  ///
  /// - Parameters:
  ///   - rows: The rows.
  ///   - series: The series.
  ///   - body: Receives the outputs after each row in order, `[L, N]` per chunk.
  public mutating func read(
    rows: Range<Int>, of series: NormalisedSeries, _ body: (Tensor) throws -> Void
  ) rethrows {
    // Bounds the memory of the inputs.
    let most = 8 * inputsAtOnce
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: most) {
      let part = first..<min(first + most, rows.upperBound)
      try read(network.frame.inputs(ofRows: part, of: series), body)
    }
  }
}
