import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
public import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A forecaster with its channel names.
public struct ForecasterModel: StoredModel {
  /// Forecasting a series.
  public static let task = TaskKind.forecast
  /// The network.
  public var network: ForecasterNetwork
  /// Names of the channels.
  public let channels: [String]

  /// A model with the given parts.
  ///
  /// - Precondition: There is one name per channel.
  public init(network: ForecasterNetwork, channels: [String]) {
    precondition(
      network.channels == channels.count,
      "ForecasterModel: \(channels.count) names for \(network.channels) channels")
    self.network = network
    self.channels = channels
  }

  /// Decodes a file of this task.
  public init(decoding file: ModelFile) throws {
    let configuration = try file.configuration()
    let channels: [String] = try file.decoded("channels")
    let horizon: Int = try file.decoded("horizon")
    let normalisation: Normalisation = try file.decoded("normalisation")
    guard channels.count == configuration.vocabularySize,
      channels.count == normalisation.channels
    else {
      throw CheckpointError.unusable(
        file: file.path,
        problem: "it names \(channels.count) channels, its configuration has "
          + "\(configuration.vocabularySize) and its normalisation \(normalisation.channels)")
    }
    network = try file.network {
      try ForecasterNetwork(
        configuration, horizon: horizon, normalisation: normalisation, using: &$0)
    }
    self.channels = channels
  }

  /// The forecast after the last row of a series with the model's channels, as CSV in their own
  /// units.
  ///
  /// Values have a resolution of a millionth of the channel's standard deviation.
  ///
  /// - Parameters:
  ///   - series: The series.
  ///   - report: Called with the number of rows read.
  /// - Returns: The table, with a header.
  /// - Throws: `ConfigurationError` when there are too few learned positions,
  ///   ``ForecastError/tooLarge(channel:row:value:)``.
  public func forecast(
    after series: Series, report: ProgressReport = { _ in }
  ) throws -> String {
    precondition(series.channels == channels, "forecast: a series of \(series.channels)")
    try network.configuration.trunk.expectPositions(for: series.count)
    _ = try series.normalised(by: network.normalisation)
    var session = ForecastSession(network)
    // A series has at least one row.
    let forecast = session.read(series.values, report: report)!
    // An integer divided by a power of ten prints with at most that many decimals.
    let scales = network.normalisation.deviation.map { deviation in
      pow(10, min(max(6 - log10(deviation).rounded(.down), 0), 22))
    }
    let rows = stride(from: 0, to: forecast.count, by: channels.count).map { first in
      zip(forecast[first...], scales).map { value, scale in
        "\((value * scale).rounded() / scale)"
      }
    }
    return ([channels.map(csvField)] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  /// Metadata: configuration, channels, horizon and normalisation.
  public var specification: [String: String] {
    [
      "config": network.configuration.json, "channels": json(channels),
      "horizon": "\(network.horizon)", "normalisation": json(network.normalisation),
    ]
  }
}
