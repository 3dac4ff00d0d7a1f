public import LMNKernels
public import LMNLayers

/// Rows of a series and their targets: input of one batch item in the training of a forecaster.
public struct SeriesWindow: TrainingInput {
  /// `[L, C]`.
  package let rows: Tensor
  /// `[L, h * C]`; 0 where there is no target.
  package let targets: Tensor
  /// `[L, h * C]`: 0 where there is no target, otherwise a constant such that the mean over all
  /// elements is the mean over those with a target.
  package let weights: Tensor
  /// Dropout draw; training has to change it at each step.
  public let draw = DropoutDraw()

  /// Allocates a window of `length` rows.
  public init(length: Int, channels: Int, horizon: Int) {
    rows = Tensor(shape: [length, channels], repeating: 0)
    targets = Tensor(shape: [length, horizon * channels], repeating: 0)
    weights = Tensor(shape: [length, horizon * channels], repeating: 1)
  }

  /// Always nil: windows are read from the beginning.
  public var segment: Segment? { nil }

  /// Number of input rows.
  public var length: Int { rows.shape[0] }

  /// Replaces all rows and targets.
  ///
  /// - Parameter values: Normalised, row by row: the input rows, and up to h rows after them.
  /// - Precondition: Rows are complete, and there are more than `length`.
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

  /// A window of the same length.
  public func placeholder() -> SeriesWindow {
    let channels = rows.shape[1]
    return SeriesWindow(
      length: length, channels: channels, horizon: targets.shape[1] / channels)
  }

  /// Copies another window's rows, targets and draw.
  public func overwrite(with other: SeriesWindow) {
    rows.overwrite(withScalarsOf: other.rows)
    targets.overwrite(withScalarsOf: other.targets)
    weights.overwrite(withScalarsOf: other.weights)
    draw.overwrite(with: other.draw)
  }
}

extension RecordedBatch where M == ForecasterNetwork, Input == SeriesWindow {
  /// Records a forecaster's mean error over a batch of windows.
  ///
  /// - Parameters:
  ///   - result: The results to compute; dropout is applied only where a gradient is computed.
  ///   - kind: The error that is averaged.
  ///   - network: The network; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Rows of each.
  ///   - recompute: Whether intermediate values of the network's blocks are computed again in the
  ///     backward pass instead of being kept.
  ///   - context: The context to compute in.
  public convenience init(
    _ result: Result = .valueAndGradient, of kind: PredictionError, at network: ForecasterNetwork,
    windows count: Int, length: Int, recomputing recompute: Bool = false,
    in context: ExecutionContext = .current
  ) {
    self.init(
      result, at: network, overBatchOf: count, in: context,
      inputs: { _ in
        SeriesWindow(length: length, channels: network.channels, horizon: network.horizon)
      },
      recomputing: recompute,
      loss: { $0.loss(kind, of: $1, after: &$2, &$3) })
  }
}
