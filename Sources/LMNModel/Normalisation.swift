/// Per-channel normalisation of a series to mean 0 and standard deviation 1.
public struct Normalisation: Sendable, Equatable, Codable {
  /// Mean per channel, in the channel's own unit.
  public let mean: [Double]
  /// Standard deviation per channel, in the channel's own unit; 1 for a constant channel.
  public let deviation: [Double]

  /// A normalisation with these numbers; nil unless counts are equal, values finite and deviations
  /// positive.
  public init?(mean: [Double], deviation: [Double]) {
    guard mean.count == deviation.count, !mean.isEmpty, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0 > 0 && $0.isFinite })
    else { return nil }
    self.mean = mean
    self.deviation = deviation
  }

  /// The identity.
  package init(channels: Int) {
    mean = .init(repeating: 0, count: channels)
    deviation = .init(repeating: 1, count: channels)
  }

  /// Mean and standard deviation of a series.
  ///
  /// - Parameters:
  ///   - values: Finite values, row by row.
  ///   - channels: Values per row.
  /// - Precondition: There is at least one row, and all rows are complete.
  public init(of values: some RandomAccessCollection<Double>, channels: Int) {
    precondition(
      !values.isEmpty && values.count.isMultiple(of: channels),
      "Normalisation: \(values.count) values in rows of \(channels)")
    var (smallest, largest) = (
      [Double](repeating: .infinity, count: channels),
      [Double](repeating: -.infinity, count: channels)
    )
    var (mean, deviation) = (
      [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
    )
    let rows = Double(values.count / channels)
    for (index, value) in values.enumerated() {
      let channel = index % channels
      smallest[channel] = min(smallest[channel], value)
      largest[channel] = max(largest[channel], value)
      // Divided first, so that no partial sum exceeds the values.
      mean[channel] += value / rows
    }
    let halfSpan = zip(smallest, largest).map { $1 / 2 - $0 / 2 }
    for (index, value) in values.enumerated() {
      let channel = index % channels
      // In units of the span: the square of a very large or small value may overflow or underflow.
      let share = (value / 2 - mean[channel] / 2) / halfSpan[channel]
      deviation[channel] += share * share / rows
    }
    for channel in 0..<channels {
      let found = 2 * halfSpan[channel] * deviation[channel].squareRoot()
      let isConstant = !(found > 0 && found.isFinite)
      // The computed mean of equal values may differ from them by rounding.
      if isConstant { mean[channel] = smallest[channel] }
      deviation[channel] = isConstant ? 1 : found
    }
    self.mean = mean
    self.deviation = deviation
  }

  /// Number of channels.
  public var channels: Int { mean.count }

  /// A channel's value, normalised.
  public func normalised(_ value: Double, channel: Int) -> Double {
    (value - mean[channel]) / deviation[channel]
  }

  /// A channel's value, converted back to its own unit.
  public func restored(_ value: Double, channel: Int) -> Double {
    mean[channel] + deviation[channel] * value
  }

  /// Decodes and validates as ``init(mean:deviation:)``.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let mean = try container.decode([Double].self, forKey: .mean)
    let deviation = try container.decode([Double].self, forKey: .deviation)
    guard let normalisation = Normalisation(mean: mean, deviation: deviation) else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: container.codingPath,
          debugDescription: "a mean or deviation is missing, not finite or not positive"))
    }
    self = normalisation
  }

  private enum CodingKeys: String, CodingKey { case mean, deviation }
}
