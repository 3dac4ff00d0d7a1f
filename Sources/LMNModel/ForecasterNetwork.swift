public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// Forecaster of multivariate series: projection, trunk and head.
///
/// At each position it forecasts the next h values of all channels. The network computes with
/// normalised values; ``ForecastSession`` takes and returns values in the channels' own units.
public struct ForecasterNetwork: Network {
  /// Sizes and kinds; `vocabularySize` is the number of channels C.
  public let configuration: Configuration
  /// h: horizon, the number of rows forecast at each position.
  public let horizon: Int
  /// Mean and standard deviation of each channel.
  public let normalisation: Normalisation
  /// Affine map from a row of normalised values to a vector.
  public var projection: Linear
  /// Blocks between projection and head.
  public var trunk: Trunk
  /// Affine map from vectors to forecasts.
  public var head: Linear

  /// A forecaster with parameters from `source`.
  ///
  /// - Precondition: The normalisation has as many channels as the configuration.
  public init(
    _ configuration: Configuration, horizon: Int, normalisation: Normalisation,
    using source: inout ParameterSource
  ) throws(ConfigurationError) {
    try configuration.validate()
    if configuration.tiedHead { throw .tiedHead }
    let (channels, width) = (configuration.vocabularySize, configuration.width)
    let most = ConfigurationError.largestSize / channels
    guard (1...most).contains(horizon) else {
      throw .outOfRange(key: "horizon", value: horizon, range: 1...most)
    }
    precondition(
      normalisation.channels == channels,
      "ForecasterNetwork: the normalisation has \(normalisation.channels) of \(channels) channels")
    self.configuration = configuration
    self.horizon = horizon
    self.normalisation = normalisation
    projection = Linear(inputs: channels, outputs: width, using: &source)
    trunk = Trunk(configuration.trunk, using: &source)
    head = Linear(inputs: width, outputs: horizon * channels, using: &source)
  }

  /// C: number of channels.
  public var channels: Int { configuration.vocabularySize }

  /// h * C: outputs per row.
  public var outputWidth: Int { horizon * channels }

  /// Allocates rows of zeros.
  public func makeInputs(_ count: Int) -> Tensor { Tensor(shape: [count, channels], repeating: 0) }

  /// The vectors `[L, E]` of rows `[L, C]`, normalised.
  public func embed(_ rows: Tensor) -> Variable { projection(Variable(constant: rows)) }

  /// Normalised forecasts `[M, h * C]` of vectors `[M, E]`; next row first.
  public func head(of vectors: Variable) -> Variable { head(vectors) }

  /// Mean error, shape `[1]`, of the forecasts of all targets in a window.
  ///
  /// - Parameters:
  ///   - kind: The error that is averaged.
  ///   - window: The rows and their targets.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - pass: The pass over them.
  /// - Returns: The error.
  public func loss(
    _ kind: PredictionError, of window: SeriesWindow, after state: inout Trunk.State,
    _ pass: inout Pass
  ) -> Variable {
    self(window.rows, after: &state, &pass)
      .predictionErrors(kind, targets: window.targets, weights: window.weights).mean()
  }

  /// Visits projection, trunk and head.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("projection", &projection)
    trunk.visitParameters(visit)
    visit("head", &head)
  }
}
