public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A network that forecasts multivariate series: projection, trunk and head.
///
/// At every position it forecasts the next h values of every channel at once. Its forms compute with
/// normalised values; a ``ForecastSession`` takes and gives values in the channels' own units.
public struct ForecasterNetwork: Network {
  /// Sizes and kinds; its vocabulary are the C channels.
  public let configuration: Configuration
  /// h: values of every channel that are forecast at once.
  public let horizon: Int
  /// Mean and deviation of every channel.
  public let normalisation: Normalisation
  /// From a row of normalised values to a vector.
  public var projection: Linear
  /// Blocks between projection and head.
  public var trunk: Trunk
  /// From vectors to forecasts.
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
    trunk = Trunk(configuration, using: &source)
    head = Linear(inputs: width, outputs: horizon * channels, using: &source)
  }

  /// C: number of channels.
  public var channels: Int { configuration.vocabularySize }

  /// h * C: forecast values per row.
  public var outputWidth: Int { horizon * channels }

  /// Allocates rows, all of them 0.
  public func makeInputs(_ count: Int) -> Tensor { Tensor(shape: [count, channels], repeating: 0) }

  /// The vectors `[L, E]` of rows `[L, C]`, normalised.
  public func embed(_ rows: Tensor) -> Variable { projection(Variable(constant: rows)) }

  /// The forecasts `[M, h * C]` of vectors `[M, E]`, normalised: after every row the next one, the one
  /// after it, and so on.
  public func head(of vectors: Variable) -> Variable { head(vectors) }

  /// The mean error, shape `[1]`, of forecasting all targets there are from the rows so far.
  ///
  /// - Parameters:
  ///   - kind: The error that is averaged.
  ///   - window: The rows and those that follow.
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
