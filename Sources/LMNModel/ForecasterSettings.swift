import LMNMemories

extension ForecasterNetwork {
  /// Inputs and outputs of a forecaster; coded as JSON in model files.
  public struct Settings: Sendable, Equatable {
    /// h: horizon, the number of rows forecast at each position.
    public var horizon = 1
    /// P: lags, the number of rows that are the input of a position; 0 for the row alone, without
    /// the linear map.
    public var lags = 0
    /// Level and scale that the inputs and outputs of a row are relative to.
    public var normalisation = NormalisationKind.global
    /// Number of covariates: known inputs that are not forecast.
    public var covariates = 0
    /// Quantiles to forecast, ascending; empty for one value.
    public var quantiles: [Double] = []

    /// A forecaster of the next row from single rows.
    public init() {}

    /// Number of outputs per forecast value.
    public var outputsPerValue: Int { max(quantiles.count, 1) }

    /// Index of the output that is the forecast itself: the quantile nearest to the median.
    public var middle: Int {
      quantiles.indices.min { abs(quantiles[$0] - 0.5) < abs(quantiles[$1] - 0.5) } ?? 0
    }

    /// Throws unless a forecaster of `channels` channels can have these settings.
    func validate(channels: Int) throws(ConfigurationError) {
      let most = ConfigurationError.largestSize / (channels * outputsPerValue)
      guard (1...most).contains(horizon) else {
        throw .outOfRange(key: "horizon", value: horizon, range: 1...most)
      }
      let mostLags = ConfigurationError.largestSize / (channels + covariates) - horizon
      let leastLags = normalisation.isRelative ? 2 : 0
      guard lags >= leastLags, lags <= mostLags else {
        throw .outOfRange(key: "lags", value: lags, range: leastLags...max(mostLags, leastLags))
      }
      guard quantiles.allSatisfy({ $0 > 0 && $0 < 1 }),
        zip(quantiles, quantiles.dropFirst()).allSatisfy(<)
      else {
        throw .malformed("quantiles have to be ascending numbers between 0 and 1")
      }
    }
  }

  /// Level and scale that the inputs and outputs of a row are relative to.
  public enum NormalisationKind: String, Sendable, Codable, CaseIterable {
    /// The last value; scale 1.
    case last
    /// Mean and standard deviation of the lags.
    case window
    /// Mean and standard deviation of the training part.
    case global
    /// None: values in the channels' own units.
    case none

    /// Whether the level depends on the row.
    public var isRelative: Bool { self == .last || self == .window }
  }
}

extension ForecasterNetwork.Settings: Codable {
  private static var fields: [SettingsField<Self>] {
    let usual = Self()
    return [
      .required("horizon", \.horizon),
      .optional("lags", \.lags, default: usual.lags),
      .optional("normalisation", \.normalisation, default: usual.normalisation),
      .optional("covariates", \.covariates, default: usual.covariates),
      .optional("quantiles", \.quantiles, default: usual.quantiles),
    ]
  }

  /// Reads the keys; only `horizon` is required.
  public init(from decoder: any Decoder) throws {
    self.init()
    try Self.fields.read(into: &self, from: decoder)
  }

  /// Writes all keys.
  public func encode(to encoder: any Encoder) throws { try Self.fields.write(self, to: encoder) }
}
