internal import CLMN

extension Tensor {
  /// Diagonal state space model of every channel, over L tokens.
  ///
  ///     state = a · state + y[t],  s[t] = Σ Re(w · state) + skip · y[t]
  ///
  /// - Parameters:
  ///   - coefficients: `[P, 4, E]`: a and w, as ``Discretization/coefficients`` has them.
  ///   - skip: `[E]`.
  ///   - states: `[2P, E]`, before the tokens: of every state the real part, then the imaginary one.
  /// - Returns: `results` `[L + 2P, E]`, s and the states after the tokens, and `carried`, the states
  ///   between chunks; `self` is `[L, E]`.
  public func stateSpace(
    coefficients: Tensor, skip: Tensor, after states: Tensor
  ) -> (results: Tensor, carried: Tensor) {
    let (length, width, stateCount) = stateSpaceSizes(coefficients: coefficients, skip: skip)
    precondition(
      states.shape == [2 * stateCount, width],
      "stateSpace: states \(states.shape) with coefficients \(coefficients.shape)")
    let chunks = (length + Int(LMN_STATE_SPACE_CHUNK) - 1) / Int(LMN_STATE_SPACE_CHUNK)
    let carried = Tensor(uninitialized: [(1 + chunks) * 2 * stateCount, width])
    let results = Tensor(uninitialized: [length + 2 * stateCount, width])
    states.copyRows(into: carried.rows(0..<2 * stateCount))
    ExecutionContext.current.run(
      lmn_state_space_forward,
      lmn_state_space(
        length: length, width: width, states: stateCount, y: base, coefficients: coefficients.base,
        skip: skip.base, carried: carried.output, s: results.output),
      on: self, coefficients, skip, carried, results)
    carried.rows(chunks * 2 * stateCount..<carried.shape[0])
      .copyRows(into: results.rows(length..<results.shape[0]))
    return (results, carried)
  }

  /// Pullback of ``stateSpace(coefficients:skip:after:)``: the cotangents of its inputs given that of
  /// its results.
  ///
  /// - Parameters:
  ///   - cotangent: `[L + 2P, E]`.
  ///   - coefficients: As given to the forward operation.
  ///   - skip: As given to the forward operation.
  ///   - carried: As returned by the forward operation.
  /// - Returns: Cotangents, each of the shape of its input; `self` is y.
  public func stateSpacePullback(
    _ cotangent: Tensor, coefficients: Tensor, skip: Tensor, carried: Tensor
  ) -> (y: Tensor, coefficients: Tensor, skip: Tensor, states: Tensor) {
    let (length, width, stateCount) = stateSpaceSizes(coefficients: coefficients, skip: skip)
    precondition(
      cotangent.shape == [length + 2 * stateCount, width],
      "stateSpacePullback: \(cotangent.shape) of \(shape), \(stateCount) states")
    let d_states = cotangent.rows(length..<cotangent.shape[0]).copied()
    let d_y = Tensor(uninitialized: shape)
    let d_coefficients = Tensor(uninitialized: coefficients.shape)
    let d_skip = Tensor(uninitialized: skip.shape)
    ExecutionContext.current.run(
      lmn_state_space_backward,
      lmn_state_space_grad(
        length: length, width: width, states: stateCount, y: base, coefficients: coefficients.base,
        skip: skip.base, carried: carried.base, d_s: cotangent.base, d_state: d_states.output,
        d_y: d_y.output, d_coefficients: d_coefficients.output, d_skip: d_skip.output),
      on: self, coefficients, skip, carried, cotangent, d_states, d_y, d_coefficients, d_skip)
    return (d_y, d_coefficients, d_skip, d_states)
  }

  /// One token of each of B streams.
  ///
  /// - Parameters:
  ///   - coefficients: `[P, 4, E]`.
  ///   - skip: `[E]`.
  ///   - states: States of the streams, updated in place.
  /// - Returns: s `[B, E]` for `self` of `[B, E]`.
  public func stateSpace(
    coefficients: Tensor, skip: Tensor, updating states: StateSpaceStates
  ) -> Tensor {
    let (streams, width, stateCount) = stateSpaceSizes(coefficients: coefficients, skip: skip)
    precondition(
      states.rows.shape == [streams, 2 * stateCount, width],
      "stateSpace: states \(states.rows.shape) of \(shape), \(stateCount) states")
    let s = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_state_space_step_forward,
      lmn_state_space_step(
        streams: streams, width: width, states: stateCount, y: base,
        coefficients: coefficients.base, skip: skip.base, state: states.rows.output, s: s.output),
      on: self, coefficients, skip, states.rows, s)
    return s
  }

  private func stateSpaceSizes(
    coefficients: Tensor, skip: Tensor
  ) -> (rows: Int, width: Int, states: Int) {
    precondition(
      shape.count == 2 && coefficients.shape == [coefficients.shape[0], 4, shape[1]]
        && skip.shape == [shape[1]],
      "stateSpace: coefficients \(coefficients.shape) and skip \(skip.shape) of \(shape)")
    return (shape[0], shape[1], coefficients.shape[0])
  }
}

/// States of B streams at a stable address, which decode steps update in place.
///
/// `@unchecked Sendable` because the states are overwritten in place: only one thread at a time may
/// step.
public final class StateSpaceStates: @unchecked Sendable {
  /// `[B, 2P, E]`.
  let rows: Tensor

  /// States 0 of `count` streams, with `states` complex states per channel.
  public init(streams count: Int, states: Int, width: Int) {
    rows = Tensor(overwritable: Tensor(shape: [count, 2 * states, width], repeating: 0))
  }

  /// Sets the states of one stream to 0; allocates nothing.
  public func reset(_ row: Int) {
    let count = rows.shape[1] * rows.shape[2]
    rows.overwrite { ($0 + row * count).update(repeating: 0, count: count) }
  }

  /// Sets the states of one stream, `[2P, E]`.
  public func load(_ states: Tensor, at row: Int) {
    self[row].overwrite(withScalarsOf: states)
  }

  /// States of one stream, `[2P, E]`.
  public func states(at row: Int) -> Tensor { self[row].copied() }

  private subscript(row: Int) -> Tensor {
    rows.rows(row..<row + 1).reshaped([rows.shape[1], rows.shape[2]])
  }
}
