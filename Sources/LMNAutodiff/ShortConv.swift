public import LMNKernels

extension Variable {
  /// Causal depthwise convolution, then SiLU, within every segment of rows.
  ///
  /// - Parameters:
  ///   - taps: `[E, W]`; the last one is of the row itself.
  ///   - history: `[G, W − 1, E]`, the rows before the first of each segment.
  ///   - segments: G segments of N rows.
  /// - Returns: `activated` `[N, E]` and the history after the last rows, for `self` of `[N, E]`.
  public func shortConv(
    taps: Variable, history: Variable, of segments: Segments
  ) -> (activated: Variable, nextHistory: Variable) {
    let (x, before) = (value, history.value)
    let w = taps.value.transposed
    let (activated, next) = x.shortConv(taps: w, history: before, of: segments)
    let results = Variable.results([activated, next], of: [self, taps, history]) { cotangents in
      let pulled = x.shortConvPullback(
        ofActivated: cotangents[0], nextHistory: cotangents[1], taps: w, history: before,
        of: segments)
      return [pulled.x, pulled.taps.transposed, pulled.history]
    }
    return (results[0], results[1])
  }
}
