public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A forecaster of multivariate series: projection, trunk and head.
///
/// At every position it forecasts the next h values of every channel at once. Its forms compute with
/// normalised values; a ``ForecastSession`` takes and gives values in the channels' own units.
public struct Forecaster: TrunkModel {
  /// The sizes and kinds; its vocabulary are the C channels.
  public let configuration: Configuration
  /// h: how many values of every channel are forecast.
  public let horizon: Int
  /// What makes the channels alike.
  public let normalisation: Normalisation
  /// From a row of normalised values to a vector.
  public var projection: Linear
  /// What relates the rows to each other.
  public var trunk: Trunk
  /// From vectors to forecasts.
  public var head: Linear

  /// A forecaster with fresh parameters.
  ///
  /// - Precondition: The normalisation has as many channels as the configuration.
  public init(
    _ configuration: Configuration, horizon: Int, normalisation: Normalisation,
    initialisation: Initialisation = .reference, using generator: inout SeededGenerator
  ) throws(ConfigurationError) {
    try Self.validate(configuration, horizon: horizon)
    let channels = configuration.vocabularySize
    precondition(
      normalisation.channels == channels,
      "Forecaster: the normalisation has \(normalisation.channels) of \(channels) channels")
    self.configuration = configuration
    self.horizon = horizon
    self.normalisation = normalisation
    let width = configuration.width
    projection = Linear(inputs: channels, outputs: width, using: &generator)
    trunk = Trunk(configuration, initialisation: initialisation, using: &generator)
    head = Linear(inputs: width, outputs: horizon * channels, using: &generator)
  }

  /// Throws unless a forecaster can have these sizes.
  package static func validate(
    _ configuration: Configuration, horizon: Int
  ) throws(ConfigurationError) {
    try configuration.validate()
    if configuration.tiedHead { throw .tiedHead }
    let most = Configuration.largestSize / configuration.vocabularySize
    guard (1...most).contains(horizon) else {
      throw .outOfRange(key: "horizon", value: horizon, range: 1...most)
    }
    if parameterCount(configuration, horizon: horizon) == nil { throw .tooLarge }
  }

  /// How many numbers the parameters of such a forecaster hold; nil when that overflows.
  package static func parameterCount(_ configuration: Configuration, horizon: Int) -> Int? {
    // The projection's bias is one input more.
    configuration.parameterCount(
      inputs: configuration.vocabularySize + 1, outputs: horizon * configuration.vocabularySize)
  }

  /// C: how many channels there are.
  public var channels: Int { configuration.vocabularySize }

  /// The parallel form, over the next L rows of a series.
  ///
  /// - Parameters:
  ///   - rows: `[L, C]`, normalised.
  ///   - state: What the rows before left; becomes what these leave. Gradients flow through it.
  ///   - draw: Which values are dropped, for a forecaster that learns; nil drops none.
  /// - Returns: `[L, h * C]`, normalised: behind every row the next one, the one after it, and so on.
  public func callAsFunction(
    _ rows: Variable, after state: inout Trunk.State, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    head(trunk(projection(rows), after: &state, dropping: draw))
  }

  /// The mean error, shape `[1]`, of forecasting all targets there are from the rows so far.
  ///
  /// - Parameters:
  ///   - kind: Which error.
  ///   - window: The rows and what follows each.
  ///   - draw: Which values are dropped, for a forecaster that learns; nil drops none.
  /// - Returns: The error.
  public func loss(
    _ kind: PredictionError, of window: SeriesWindow, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    var state = trunk.initialState
    return self(Variable(constant: window.rows), after: &state, dropping: draw)
      .predictionErrors(kind, targets: window.targets, weights: window.weights).mean()
  }

  /// The sequential form, for one row of each of B streams.
  ///
  /// - Parameters:
  ///   - rows: `[B, C]`, normalised.
  ///   - streams: B streams, which may stand at different positions.
  /// - Returns: Forecasts `[B, h * C]`, normalised.
  public func step(_ rows: Tensor, of streams: Trunk.Streams) -> Tensor {
    let vectors = trunk.step(projection(Variable(constant: rows)).value, of: streams)
    return head(Variable(constant: vectors)).value
  }

  /// How series go on.
  var streamStep: StreamStep<Tensor> {
    let channels = channels
    return StreamStep(
      trunk: trunk, outputWidth: horizon * channels,
      makeInputs: { Tensor(shape: [$0, channels], repeating: 0) }, take: step)
  }

  /// The parallel form over stretches that follow each other, without gradients; all threads work
  /// on them side by side.
  ///
  /// - Parameters:
  ///   - stretches: `[L, C]` each, normalised.
  ///   - state: What the rows before left; becomes what these leave.
  /// - Returns: Forecasts `[L, h * C]` for each, normalised.
  public func read(_ stretches: [Tensor], after state: inout Trunk.State) -> [Tensor] {
    let context = ExecutionContext.current
    let projected = context.map(stretches.count) {
      projection(Variable(constant: stretches[$0])).value
    }
    let read = trunk.read(projected, after: &state)
    return context.map(read.count) { head(Variable(constant: read[$0])).value }
  }

  /// Lists projection, trunk and head.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("projection", &projection, visit)
    trunk.visitParameters(visit)
    Self.visit("head", &head, visit)
  }
}

/// Rows of a series and what follows each, as a recorded batch reads them.
public struct SeriesWindow: TrainingInput {
  /// Of shape `[L, C]`.
  package let rows: Tensor
  /// Of shape `[L, h * C]`; 0 where there is none.
  package let targets: Tensor
  /// Of shape `[L, h * C]`: 0 where there is no target, and the same elsewhere, so that the mean of
  /// all errors is the mean over those that have a target.
  package let weights: Tensor
  /// Which values are dropped of it; a batch that learns needs another draw at every step.
  public let draw = DropoutDraw()

  /// Memory for so many rows.
  public init(length: Int, channels: Int, horizon: Int) {
    rows = Tensor(shape: [length, channels], repeating: 0)
    targets = Tensor(shape: [length, horizon * channels], repeating: 0)
    weights = Tensor(shape: [length, horizon * channels], repeating: 1)
  }

  /// How many rows are read.
  public var length: Int { rows.shape[0] }

  /// Replaces all rows and targets.
  ///
  /// - Parameter values: Normalised, row by row: those that are read, and as many of those behind
  ///   them as there are.
  /// - Precondition: There are whole rows, more than the window is long.
  public func overwrite(with values: ArraySlice<Float>) {
    let (channels, columns) = (rows.shape[1], targets.shape[1])
    precondition(
      values.count > rows.count && values.count.isMultiple(of: channels),
      "SeriesWindow: \(values.count) values for \(length) rows of \(channels) and their targets")
    values.withUnsafeBufferPointer { values in
      rows.overwrite { $0.update(from: values.baseAddress!, count: rows.count) }
      let present = (0..<length).reduce(0) {
        $0 + min(columns, values.count - ($1 + 1) * channels)
      }
      let weight = Float(targets.count) / Float(present)
      targets.overwrite { targets in
        weights.overwrite { weights in
          for row in 0..<length {
            let first = (row + 1) * channels
            let count = min(columns, values.count - first)
            for column in 0..<columns {
              targets[row * columns + column] = column < count ? values[first + column] : 0
              weights[row * columns + column] = column < count ? weight : 0
            }
          }
        }
      }
    }
  }

  /// Takes over another window's rows, targets and draw.
  public func overwrite(with other: SeriesWindow) {
    rows.overwrite(withScalarsOf: other.rows)
    targets.overwrite(withScalarsOf: other.targets)
    weights.overwrite(withScalarsOf: other.weights)
    draw.overwrite(with: other.draw)
  }
}

extension RecordedBatch where M == Forecaster, Input == SeriesWindow {
  /// Records a forecaster's mean error over a batch of windows.
  ///
  /// A forecaster of which the gradient is taken learns, so it drops what the windows' draws say.
  ///
  /// - Parameters:
  ///   - result: What to compute.
  ///   - kind: Which error.
  ///   - forecaster: Where; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Rows of each.
  ///   - context: Where to compute.
  public convenience init(
    _ result: Result = .valueAndGradient, of kind: PredictionError, at forecaster: Forecaster,
    windows count: Int, length: Int, in context: ExecutionContext = .current
  ) {
    self.init(
      result, at: forecaster, overBatchOf: count, in: context,
      inputs: {
        SeriesWindow(length: length, channels: forecaster.channels, horizon: forecaster.horizon)
      }
    ) { forecaster, window in
      forecaster.loss(
        kind, of: window, dropping: result == .valueAndGradient ? window.draw : nil)
    }
  }
}
