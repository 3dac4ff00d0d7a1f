public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// Forecaster of multivariate series: projection, trunk and head, beside a linear map.
///
/// At each position it forecasts the next h values of all channels. Its inputs and outputs are those
/// of a ``SeriesFrame``; ``ForecastSession`` takes and returns values in the channels' own units.
///
///     output = lags · input + head · trunk(projection · input)
///
/// The head is zero at the start, so a new network is its linear map, which is fitted before training.
public struct ForecasterNetwork: Network {
  /// Sizes and kinds; `vocabularySize` is the number of channels C.
  public let configuration: Configuration
  /// Inputs and outputs in terms of the values of a series.
  public var frame: SeriesFrame
  /// Affine map from a row of F inputs to a vector.
  public var projection: Linear
  /// Blocks between projection and head.
  public var trunk: Trunk
  /// Affine map from vectors to outputs.
  public var head: Linear
  /// Affine map from the inputs of a row to outputs; nil without lags.
  public var lags: Linear?

  /// A forecaster with parameters from `source`.
  ///
  /// - Parameters:
  ///   - configuration: Sizes and kinds.
  ///   - settings: Inputs and outputs.
  ///   - normalisation: Mean and standard deviation of the channels, then of the covariates.
  ///   - units: Units of inputs and outputs; nil for 1.
  ///   - source: Source of the parameters.
  /// - Throws: `ConfigurationError` for sizes that cannot be.
  /// - Precondition: There are as many means as channels and covariates, and units of all channels.
  public init(
    _ configuration: Configuration, _ settings: Settings, normalisation: Normalisation,
    units: SeriesFrame.Units? = nil, using source: inout ParameterSource
  ) throws(ConfigurationError) {
    try configuration.validate()
    if configuration.tiedHead { throw .tiedHead }
    let (channels, width) = (configuration.vocabularySize, configuration.width)
    try settings.validate(channels: channels)
    precondition(
      normalisation.channels == channels + settings.covariates,
      "ForecasterNetwork: \(normalisation.channels) means of \(channels) channels and "
        + "\(settings.covariates) covariates")
    self.configuration = configuration
    frame = SeriesFrame(
      settings: settings, normalisation: normalisation,
      units: units ?? SeriesFrame.Units(channels: channels))
    let (inputs, outputs) = (frame.inputWidth, frame.outputWidth)
    projection = Linear(inputs: inputs, outputs: width, using: &source)
    trunk = Trunk(configuration.trunk, using: &source)
    if settings.lags == 0 {
      head = Linear(inputs: width, outputs: outputs, using: &source)
    } else {
      head = Linear(zeroFrom: width, to: outputs, using: &source)
      lags = Linear(zeroFrom: inputs, to: outputs, using: &source)
    }
  }

  /// Inputs and outputs.
  public var settings: Settings { frame.settings }
  /// Mean and standard deviation of each channel, then of each covariate.
  public var normalisation: Normalisation { frame.normalisation }
  /// h: horizon.
  public var horizon: Int { settings.horizon }
  /// C: number of channels.
  public var channels: Int { configuration.vocabularySize }
  /// Outputs per row: horizon × channels × quantiles.
  public var outputWidth: Int { frame.outputWidth }

  /// Allocates rows of zeros.
  public func makeInputs(_ count: Int) -> Tensor {
    Tensor(shape: [count, frame.inputWidth], repeating: 0)
  }

  /// The vectors `[L, E]` of inputs `[L, F]`.
  public func embed(_ inputs: Tensor) -> Variable { projection(Variable(constant: inputs)) }

  /// Outputs `[M, N]` of vectors `[M, E]`, without the linear map.
  public func head(of vectors: Variable) -> Variable { head(vectors) }

  /// Outputs `[M, N]` of vectors `[M, E]` and of the linear map of inputs `[M, F]`.
  public func outputs(of vectors: Variable, for inputs: Tensor) -> Variable {
    guard let lags else { return head(vectors) }
    return head(vectors) + lags(Variable(constant: inputs))
  }

  /// Mean error, shape `[1]`, of the forecasts of all targets in a window.
  ///
  /// - Parameters:
  ///   - kind: The error that is averaged; absolute with quantiles.
  ///   - window: The inputs and their targets.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - pass: The pass over them.
  /// - Returns: The error.
  public func loss(
    _ kind: PredictionError, of window: SeriesWindow, after state: inout Trunk.State,
    _ pass: inout Pass
  ) -> Variable {
    self(window.inputs, after: &state, &pass)
      .predictionErrors(
        kind, targets: window.targets, weights: window.weights, quantiles: window.quantiles
      ).mean()
  }

  /// The network with a linear map without gradients.
  func holdingLags() -> ForecasterNetwork {
    var network = self
    network.lags?.forEachParameter { $1 = Variable(constant: $1.value) }
    return network
  }

  /// Visits projection, trunk, head and linear map.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("projection", &projection)
    trunk.visitParameters(visit)
    visit("head", &head)
    // Fitted, so weight decay would only add a bias.
    if var map = lags.take() {
      visit("lags.weight", &map.weight, decays: false)
      visit("lags.bias", &map.bias, decays: false)
      lags = map
    }
  }
}
