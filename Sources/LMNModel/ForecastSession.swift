public import LMNKernels

/// A series that a forecaster reads, row by row or many at once, in the channels' own units: a
/// value, so a copy is a fork.
public struct ForecastSession: Sendable {
  /// The forecaster.
  public let forecaster: Forecaster
  private var stream: ModelStream<Tensor>

  /// A series that goes on from `state`, or begins.
  public init(_ forecaster: Forecaster, state: Trunk.State? = nil) {
    self.forecaster = forecaster
    stream = ModelStream(forecaster.streamStep, from: state)
  }

  /// What the series has left so far.
  public var state: Trunk.State { stream.state }

  /// Rows seen.
  public var position: Int { stream.position }

  /// Reads one row: what is forecast behind it.
  ///
  /// - Parameter row: C values, in the channels' own units.
  /// - Returns: h * C values in the channels' own units: the next row, the one after it, and so on.
  public mutating func step(_ row: [Double]) -> [Double] {
    let normalised = normalised(row, rows: 1)
    let forecast = stream.step { $0.overwrite { $0.update(from: normalised, count: row.count) } }
    return restored(forecast)
  }

  /// Reads any number of rows, in parallel stretches of bounded size.
  ///
  /// - Parameter values: Row by row, in the channels' own units.
  /// - Returns: What is forecast behind the last row, as ``step(_:)`` gives it; nil when there are no
  ///   rows.
  @discardableResult
  public mutating func read(_ values: [Double]) -> [Double]? {
    let rows = values.count / forecaster.channels
    var last: Tensor?
    readStretches(normalised(values, rows: rows)) { forecasts in
      last = forecasts.rows(forecasts.shape[0] - 1..<forecasts.shape[0])
    }
    return last.map(restored)
  }

  /// Reads any number of rows that are normalised already, with the forecast behind every row:
  /// `body` gets them in order, normalised too, a stretch `[L, h * C]` at a time.
  public mutating func readStretches(
    _ values: [Float], _ body: (Tensor) throws -> Void
  ) rethrows {
    let channels = forecaster.channels
    try stream.read(values.count / channels) { stretches, state in
      let rows = stretches.map { range in
        Tensor(
          shape: [range.count, channels],
          scalars: Array(values[range.lowerBound * channels..<range.upperBound * channels]))
      }
      try forecaster.read(rows, after: &state).forEach(body)
    }
  }

  private func normalised(_ values: [Double], rows: Int) -> [Float] {
    precondition(
      values.count == rows * forecaster.channels,
      "ForecastSession: \(values.count) values for rows of \(forecaster.channels)")
    return values.enumerated().map { index, value in
      forecaster.normalisation.normalised(value, channel: index % forecaster.channels)
    }
  }

  private func restored(_ forecast: Tensor) -> [Double] {
    forecast.scalars.enumerated().map { index, value in
      forecaster.normalisation.restored(value, channel: index % forecaster.channels)
    }
  }
}
