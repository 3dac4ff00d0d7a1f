public import LMNKernels
public import LMNLayers

/// Rows of a series and their targets: input of one batch item in the training of a forecaster.
public struct SeriesWindow: TrainingInput {
  /// `[L, F]`.
  package let inputs: Tensor
  /// `[L, N]`; 0 where there is no target.
  package let targets: Tensor
  /// `[L, N]`: 0 where there is no target, otherwise a constant such that the mean over all
  /// elements is the mean over those with a target.
  package let weights: Tensor
  /// `[L, N]`: quantile of each output; nil without quantiles.
  let quantiles: Tensor?
  /// Dropout draw; training has to change it at each step.
  public let draw = DropoutDraw()
  /// The segment of a stream with carried state; nil where each window starts at the beginning of one.
  public private(set) var segment: Segment?
  private let frame: SeriesFrame

  /// Allocates a window of `length` rows.
  ///
  /// - Parameters:
  ///   - length: Rows.
  ///   - frame: Frame of the network.
  ///   - carried: Carried state, of one segment; nil where each window starts at the beginning of a
  ///     stream.
  public init(length: Int, in frame: SeriesFrame, carrying carried: CarriedState? = nil) {
    segment = carried.map { Segment(of: $0) }
    inputs = Tensor(shape: [length, frame.inputWidth], repeating: 0)
    targets = Tensor(shape: [length, frame.outputWidth], repeating: 0)
    weights = Tensor(shape: [length, frame.outputWidth], repeating: 1)
    let wanted = frame.settings.quantiles.map { Float($0) }
    quantiles =
      wanted.isEmpty
      ? nil
      : Tensor(
        shape: targets.shape, scalars: (0..<targets.count).map { wanted[$0 % wanted.count] })
    self.frame = frame
  }

  /// Number of rows.
  public var length: Int { inputs.shape[0] }

  /// Replaces all rows and targets.
  ///
  /// - Parameters:
  ///   - series: A series.
  ///   - first: The first row; earlier rows of the series are visible.
  ///   - end: Rows from here on are no targets.
  /// - Precondition: There is a row after those of the window.
  public func overwrite(with series: NormalisedSeries, from first: Int, before end: Int) {
    precondition(
      first >= 0 && first + length < end && end <= series.count,
      "SeriesWindow: \(length) rows from \(first) and their targets before \(end) of \(series.count)"
    )
    let (width, copies) = (frame.outputWidth, frame.settings.outputsPerValue)
    inputs.overwrite { inputs in
      for row in 0..<length {
        frame.writeInputs(ofRow: first + row, of: series, to: inputs + row * frame.inputWidth)
      }
    }
    targets.overwrite { targets in
      weights.overwrite { weights in
        targets.update(repeating: 0, count: length * width)
        weights.update(repeating: 0, count: length * width)
        var present = 0
        for row in 0..<length {
          frame.forEachTarget(ofRow: first + row, of: series, before: end) { place, value in
            for index in place * copies..<(place + 1) * copies {
              targets[row * width + index] = Float(value)
              weights[row * width + index] = 1
              present += 1
            }
          }
        }
        let weight = Float(length * width) / Float(present)
        for index in 0..<length * width where weights[index] != 0 { weights[index] = weight }
      }
    }
  }

  /// A window with the length and layout of the segment, for a recording.
  public func placeholder() -> SeriesWindow {
    var window = SeriesWindow(length: length, in: frame)
    window.segment = segment?.placeholder()
    return window
  }

  /// Copies another window's rows, targets, draw and state.
  public func overwrite(with other: SeriesWindow) {
    inputs.overwrite(withScalarsOf: other.inputs)
    targets.overwrite(withScalarsOf: other.targets)
    weights.overwrite(withScalarsOf: other.weights)
    draw.overwrite(with: other.draw)
    if let segment, let others = other.segment { segment.overwrite(with: others) }
  }
}

extension RecordedBatch where M == ForecasterNetwork, Input == SeriesWindow {
  /// Records a forecaster's mean error over a batch of windows.
  ///
  /// The linear map is held fixed: it is the solution of a regression, to which steps of an adaptive
  /// optimizer would only add noise.
  ///
  /// - Parameters:
  ///   - result: The results to compute; dropout is applied only where a gradient is computed.
  ///   - kind: The error that is averaged.
  ///   - network: The network; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Rows of each.
  ///   - carries: Whether each window continues from the final state of the one before.
  ///   - recompute: Whether intermediate values of the network's blocks are computed again in the
  ///     backward pass instead of being kept.
  ///   - context: The context to compute in.
  public convenience init(
    _ result: Result = .valueAndGradient, of kind: PredictionError, at network: ForecasterNetwork,
    windows count: Int, length: Int, carrying carries: Bool = false,
    recomputing recompute: Bool = false, in context: ExecutionContext = .current
  ) {
    let pool = SegmentStoragePool()
    self.init(
      result, at: network, overBatchOf: count, groups: carries ? 16 : 8, in: context,
      inputs: { network in
        SeriesWindow(
          length: length, in: network.frame,
          carrying: carries
            ? CarriedState(
              of: network.stateStructure, maximumLength: network.configuration.maximumLength,
              carry: Carry(), length: length, storingIn: pool) : nil)
      }, recomputing: recompute,
      loss: { $0.holdingLags().loss(kind, of: $1, after: &$2, &$3) })
  }
}
