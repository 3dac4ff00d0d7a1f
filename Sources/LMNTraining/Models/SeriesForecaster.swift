import LMNAutodiff
import LMNKernels
import LMNLayers
public import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A forecaster with the names of its channels: what a model file holds.
public struct SeriesForecaster: StoredModel {
  /// What the model is for.
  public static let task = TaskKind.forecast
  /// The forecaster.
  public var network: Forecaster
  /// The names of its channels.
  public let channels: [String]

  /// A forecaster of its parts.
  ///
  /// - Precondition: There is a name per channel.
  public init(network: Forecaster, channels: [String]) {
    precondition(
      network.channels == channels.count,
      "SeriesForecaster: \(channels.count) names of \(network.channels) channels")
    self.network = network
    self.channels = channels
  }

  /// The model in the tensors `names` of a file of this task.
  public init(decoding file: Safetensors, path: String, names: [String]) throws {
    (network, channels) = try naming(file: path) {
      let configuration = try Configuration(json: file.metadata("config", path: path))
      let channels: [String] = try file.decoded("channels", path: path)
      let horizon: Int = try file.decoded("horizon", path: path)
      let normalisation: Normalisation = try file.decoded("normalisation", path: path)
      guard channels.count == configuration.vocabularySize,
        channels.count == normalisation.channels
      else {
        throw CheckpointError.unusable(
          file: path,
          problem: "it names \(channels.count) channels, its configuration has "
            + "\(configuration.vocabularySize) and its normalisation \(normalisation.channels)")
      }
      try Forecaster.validate(configuration, horizon: horizon)
      let network = try Forecaster.loading(
        file.stateDictionary(of: names),
        count: Forecaster.parameterCount(configuration, horizon: horizon)
      ) { generator in
        try Forecaster(
          configuration, horizon: horizon, normalisation: normalisation, using: &generator)
      }
      return (network, channels)
    }
  }

  /// A table with what is forecast behind the last row of a series of the same channels, in their own
  /// units.
  ///
  /// A value has the digits that a millionth of its channel's deviation changes.
  public func forecast(behind series: Series) throws(ConfigurationError) -> String {
    precondition(series.channels == channels, "forecast: a series of \(series.channels)")
    try network.configuration.expectPositions(for: series.count)
    var session = ForecastSession(network)
    // A series has a row at least.
    let forecast = session.read(series.values)!
    // A whole number over a power of ten is printed with no more digits than that.
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

  /// Configuration, channels, horizon and normalisation.
  public var specification: [String: String] {
    [
      "config": network.configuration.json, "channels": json(channels),
      "horizon": "\(network.horizon)", "normalisation": json(network.normalisation),
    ]
  }
}
