/// What makes the channels of a series alike: mean 0 and deviation 1, on the part it was taken from.
public struct Normalisation: Sendable, Equatable, Codable {
  /// By channel, in its own unit.
  public let mean: [Double]
  /// By channel, in its own unit; 1 for a channel that is constant.
  public let deviation: [Double]

  /// The normalisation with these numbers; nil unless they are finite, as many of each, and the
  /// deviations positive.
  public init?(mean: [Double], deviation: [Double]) {
    guard mean.count == deviation.count, !mean.isEmpty, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0 > 0 && $0.isFinite })
    else { return nil }
    self.mean = mean
    self.deviation = deviation
  }

  /// The normalisation that changes nothing.
  package init(channels: Int) {
    mean = .init(repeating: 0, count: channels)
    deviation = .init(repeating: 1, count: channels)
  }

  /// The normalisation of a series.
  ///
  /// - Parameters:
  ///   - values: Finite, row by row: a value per channel.
  ///   - channels: How many values a row has.
  /// - Precondition: There are rows, all of them whole.
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
      // Divided first, so that no sum is larger than the values.
      mean[channel] += value / rows
    }
    let halfSpan = zip(smallest, largest).map { $1 / 2 - $0 / 2 }
    for (index, value) in values.enumerated() {
      let channel = index % channels
      // In units of the span: the square of a large or small value may be no number.
      let share = (value / 2 - mean[channel] / 2) / halfSpan[channel]
      deviation[channel] += share * share / rows
    }
    for channel in 0..<channels {
      let found = 2 * halfSpan[channel] * deviation[channel].squareRoot()
      let isConstant = !(found > 0 && found.isFinite)
      // The mean of equal values may differ from them by its rounding.
      if isConstant { mean[channel] = smallest[channel] }
      deviation[channel] = isConstant ? 1 : found
    }
    self.mean = mean
    self.deviation = deviation
  }

  /// How many channels there are.
  public var channels: Int { mean.count }

  /// A channel's value, normalised.
  public func normalised(_ value: Double, channel: Int) -> Float {
    Float((value - mean[channel]) / deviation[channel])
  }

  /// A channel's value in its own unit.
  public func restored(_ value: Float, channel: Int) -> Double {
    mean[channel] + deviation[channel] * Double(value)
  }

  /// Decodes what ``init(mean:deviation:)`` accepts.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let mean = try container.decode([Double].self, forKey: .mean)
    let deviation = try container.decode([Double].self, forKey: .deviation)
    guard let normalisation = Normalisation(mean: mean, deviation: deviation) else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: container.codingPath,
          debugDescription: "means and deviations are not those of a series"))
    }
    self = normalisation
  }

  private enum CodingKeys: String, CodingKey { case mean, deviation }
}
