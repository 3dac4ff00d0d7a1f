internal import CLMN

extension Tensor {
  /// Causal depthwise convolution of W taps, then SiLU, within every segment of rows.
  ///
  ///     activated[i] = silu(Σⱼ taps[j] · x[i − W + 1 + j])
  ///
  /// - Parameters:
  ///   - taps: `[W, E]`.
  ///   - history: `[G, W − 1, E]`, the rows before the first of each segment.
  ///   - segments: G segments of N rows.
  /// - Returns: `activated` `[N, E]` and the history after the last rows, for `self` of `[N, E]`.
  public func shortConv(
    taps: Tensor, history: Tensor, of segments: Segments
  ) -> (activated: Tensor, nextHistory: Tensor) {
    expectShortConv(taps, history, segments)
    let (activated, next) = (Tensor(uninitialized: shape), Tensor(uninitialized: history.shape))
    var arguments = shortConvArguments(taps, history, segments)
    (arguments.activated, arguments.next_history) = (activated.output, next.output)
    ExecutionContext.current.run(
      lmn_short_conv_forward, arguments, on: self, taps, history, segments, activated, next)
    return (activated, next)
  }

  /// Pullback of ``shortConv(taps:history:of:)``.
  ///
  /// - Parameters:
  ///   - activated: Cotangent of `activated`, `[N, E]`.
  ///   - nextHistory: Cotangent of the history after the last rows.
  ///   - taps: `[W, E]`.
  ///   - history: As of the forward operation.
  ///   - segments: As of the forward operation.
  /// - Returns: Cotangents of `self`, taps and history.
  public func shortConvPullback(
    ofActivated activated: Tensor, nextHistory: Tensor, taps: Tensor, history: Tensor,
    of segments: Segments
  ) -> (x: Tensor, taps: Tensor, history: Tensor) {
    expectShortConv(taps, history, segments)
    precondition(
      activated.shape == shape && nextHistory.shape == history.shape,
      "shortConvPullback: cotangents \(activated.shape), \(nextHistory.shape) of rows \(shape)")
    let d_x = Tensor(uninitialized: shape)
    let (d_taps, d_history) = (
      Tensor(uninitialized: taps.shape), Tensor(uninitialized: history.shape)
    )
    ExecutionContext.current.run(
      lmn_short_conv_backward,
      lmn_short_conv_grad(
        forward: shortConvArguments(taps, history, segments), d_activated: activated.base,
        d_next_history: nextHistory.base, d_x: d_x.output, d_taps: d_taps.output,
        d_history: d_history.output),
      on: self, taps, history, segments, activated, nextHistory, d_x, d_taps, d_history)
    return (d_x, d_taps, d_history)
  }

  /// One step of ``shortConv(taps:history:of:)`` for the chosen memories of B streams; changes
  /// `history` in place.
  ///
  /// - Parameters:
  ///   - taps: `[W, E]`.
  ///   - history: `[B, G, W − 1, E]`.
  ///   - choices: Choices of the streams.
  /// - Returns: `[N, E]` for `self` of that shape, a row per choice.
  package func shortConvStep(taps: Tensor, history: Tensor, of choices: StreamChoices) -> Tensor {
    precondition(
      shape.count == 2 && taps.shape.count == 2 && taps.shape[1] == shape[1]
        && history.count == choices.memoryCount * (taps.shape[0] - 1) * shape[1],
      "shortConvStep: rows \(shape), taps \(taps.shape), history \(history.shape)")
    let activated = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_short_conv_step_forward,
      lmn_short_conv_step(
        choices: choices.arguments, width: shape[1], taps_count: taps.shape[0], x: base,
        taps: taps.base, history: history.output, activated: activated.output),
      on: self, taps, history, choices, activated)
    return activated
  }

  private func expectShortConv(_ taps: Tensor, _ history: Tensor, _ segments: Segments) {
    precondition(
      shape.count == 2 && shape[0] == segments.rows && taps.shape.count == 2
        && taps.shape[1] == shape[1] && (1...mostTaps).contains(taps.shape[0])
        && history.shape == [segments.count, taps.shape[0] - 1, shape[1]],
      "shortConv: rows \(shape), taps \(taps.shape), history \(history.shape)")
  }

  private func shortConvArguments(
    _ taps: Tensor, _ history: Tensor, _ segments: Segments
  ) -> lmn_short_conv {
    lmn_short_conv(
      rows: shape[0], width: shape[1], taps_count: taps.shape[0], segments: segments.count,
      offsets: segments.offsets?.base, x: base, taps: taps.base, history: history.base,
      activated: nil, next_history: nil)
  }
}

/// Largest number of taps of a short convolution.
public let mostTaps = Int(LMN_MOST_TAPS)
