import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
public import LMNModel

/// A forecaster with the names of its columns.
public struct ForecasterModel: StoredModel {
  /// Forecasting a series.
  public static let task = TaskKind.forecast
  /// The network.
  public var network: ForecasterNetwork
  /// Names of the channels.
  public var channels: [String] { columns.channels! }
  /// Names of the covariates.
  public var covariates: [String] { columns.covariates }
  /// Columns of the tables that the model reads; its channels are not nil.
  public let columns: SeriesColumns

  /// A model with the given parts.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - channels: A name per channel.
  ///   - columns: Columns of the tables that the model reads, except for the channels.
  /// - Precondition: There is one name per channel and covariate.
  public init(network: ForecasterNetwork, channels: [String], columns: SeriesColumns = .init()) {
    precondition(
      network.channels == channels.count && network.settings.covariates == columns.covariates.count,
      "ForecasterModel: \(channels.count) names for \(network.channels) channels, "
        + "\(columns.covariates.count) for \(network.settings.covariates) covariates")
    self.network = network
    var columns = columns
    columns.channels = channels
    self.columns = columns
  }

  /// Decodes a file of this task.
  public init(decoding file: ModelFile) throws {
    let configuration = try file.configuration()
    let channels: [String] = try file.decoded("channels")
    // Files of version 0.1 have only the horizon.
    var settings: ForecasterNetwork.Settings = try file.decodedIfPresent("forecaster") ?? .init()
    settings.horizon = try file.decoded("horizon")
    let normalisation: Normalisation = try file.decoded("normalisation")
    let units: SeriesFrame.Units? = try file.decodedIfPresent("units")
    let columns: SeriesColumns = try file.decodedIfPresent("columns") ?? .init()
    func expect(_ isValid: Bool, _ problem: @autoclosure () -> String) throws {
      if !isValid { throw CheckpointError.unusable(file: file.path, problem: problem()) }
    }
    try expect(
      channels.count == configuration.vocabularySize
        && channels.count == normalisation.channels - settings.covariates,
      "it names \(channels.count) channels, its configuration has "
        + "\(configuration.vocabularySize) and its normalisation "
        + "\(normalisation.channels - settings.covariates)")
    try expect(
      columns.covariates.count == settings.covariates,
      "it names \(columns.covariates.count) covariates, its network has \(settings.covariates)")
    try expect(
      units?.areValid(for: channels.count) ?? true,
      "its 'units' are not a positive number for each channel")
    let network = try file.network {
      try ForecasterNetwork(
        configuration, settings, normalisation: normalisation, units: units, using: &$0)
    }
    self.init(network: network, channels: channels, columns: columns)
  }

  /// Metadata: configuration, columns, inputs and outputs, normalisation and units.
  public var specification: [String: String] {
    [
      "config": network.configuration.json, "channels": json(channels),
      "columns": json(columns), "horizon": "\(network.horizon)",
      "forecaster": json(network.settings), "normalisation": json(network.normalisation),
      "units": json(network.frame.units),
    ]
  }
}
