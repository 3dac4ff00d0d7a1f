public import LMNKernels
import LMNMemories
public import LMNModel

/// Settings of a forecast.
public struct ForecastSettings: Sendable, Equatable {
  /// Meaning of the table's columns.
  public var columns = SeriesColumns()
  /// Inputs and outputs of the network.
  public var network = ForecasterNetwork.Settings()
  /// Season of the series, which lags and baselines follow; nil to find it.
  public var season: Int?
  /// Training loss.
  public var objective = PredictionError.squared
  /// Lags of the regressions whose mean is the linear map; empty without lags.
  public var lagWindows: [Int] = []
  /// Whether the linear map of the lags is fitted to the series; otherwise it is that of the model that
  /// the run begins with.
  public var fitsLags = true

  /// The next row from single rows.
  public init() {}

  /// Columns to forecast; nil for all.
  public var channels: [String]? {
    get { columns.channels }
    set { columns.channels = newValue }
  }

  /// h: horizon, the number of rows forecast at once.
  public var horizon: Int {
    get { network.horizon }
    set { network.horizon = newValue }
  }
}

extension ForecastSettings: Codable {
  private static var fields: [SettingsField<Self>] {
    let usual = Self()
    return [
      .required("horizon", \.network.horizon),
      .required("objective", \.objective),
      .optional("channels", \.columns.channels, default: usual.columns.channels),
      .optional("columns", \.columns, default: usual.columns),
      .optional("network", \.network, default: usual.network),
      .optional("season", \.season, default: usual.season),
      .optional("lagWindows", \.lagWindows, default: usual.lagWindows),
      .optional("fitsLags", \.fitsLags, default: usual.fitsLags),
    ]
  }

  /// Reads the keys; files of version 0.1 have only horizon, objective and channels.
  public init(from decoder: any Decoder) throws {
    self.init()
    try Self.fields.read(into: &self, from: decoder)
  }

  /// Writes the keys.
  public func encode(to encoder: any Encoder) throws { try Self.fields.write(self, to: encoder) }
}
