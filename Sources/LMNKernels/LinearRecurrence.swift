internal import CLMN

/// Inputs of a linear recurrence: rows of N tokens in G segments, with H heads.
///
///     S = exp(decay) · S,  error = value − key · S,  S = S + keyᵀ · (beta · error)
///     output = query · S
///
/// per head and segment, row by row. Without beta, the value takes the place of `beta · error`.
/// Head h of a row has the features from h·d to h·d + d − 1.
public struct LinearRecurrence: Sendable {
  /// `[N, H · d_k]`.
  public let queries, keys: Tensor
  /// `[N, H · d_v]`.
  public let values: Tensor
  /// `[N, H]`: step sizes of the delta rule; nil for linear attention.
  public let beta: Tensor?
  /// `[N, H]`, or `[N, H · d_k]` for a decay per row of the states, without beta: log-decays, none
  /// above 0; nil for no decay.
  public let decay: Tensor?
  /// Number of heads, H.
  public let heads: Int
  /// Tokens of a chunk, which are computed together; the results differ by rounding only.
  public let chunk: Int

  /// Inputs of a recurrence.
  ///
  /// - Parameters:
  ///   - queries: `[N, H · d_k]`.
  ///   - keys: `[N, H · d_k]`.
  ///   - values: `[N, H · d_v]`.
  ///   - beta: `[N, H]` or nil.
  ///   - decay: `[N, H]`, `[N, H · d_k]` or nil.
  ///   - heads: H.
  ///   - chunk: 1 to ``mostChunk``; nil for the fastest.
  public init(
    queries: Tensor, keys: Tensor, values: Tensor, beta: Tensor?, decay: Tensor?, heads: Int,
    chunk: Int? = nil
  ) {
    let rows = queries.shape[0]
    precondition(
      keys.shape == queries.shape && values.shape[0] == rows
        && queries.shape[1].isMultiple(of: heads) && values.shape[1].isMultiple(of: heads),
      "LinearRecurrence: queries \(queries.shape), keys \(keys.shape), values \(values.shape)")
    precondition(
      beta == nil || beta!.shape == [rows, heads],
      "LinearRecurrence: beta \(beta?.shape ?? []) of \(heads) heads")
    let widths = [queries.shape[1], values.shape[1]].map { $0 / heads }
    precondition(
      widths.allSatisfy { (1...mostHeadWidth).contains($0) },
      "LinearRecurrence: widths \(widths) of heads, not 1 to \(mostHeadWidth)")
    let decayWidth = decay.map { $0.shape[1] / heads }
    precondition(
      decay == nil
        || decay!.shape[0] == rows && decay!.shape[1].isMultiple(of: heads)
          && (decayWidth == 1 || decayWidth == widths[0] && beta == nil),
      "LinearRecurrence: decay \(decay?.shape ?? []) of \(heads) heads")
    // Decays of rows take products of pairs of tokens, the other ones products of matrices.
    let chunk = chunk ?? (decayWidth ?? 1 > 1 ? 16 : 32)
    precondition((1...mostChunk).contains(chunk), "LinearRecurrence: chunk of \(chunk) tokens")
    (self.queries, self.keys, self.values) = (queries, keys, values)
    (self.beta, self.decay) = (beta, decay)
    (self.heads, self.chunk) = (heads, chunk)
  }

  /// Results of a recurrence.
  public struct Results: Sendable {
    /// `[N, H · d_v]`.
    public let output: Tensor
    /// `[G, H, d_k, d_v]`: the states after the last tokens.
    public let nextState: Tensor
    /// `[N, H · d_v]`: errors of the delta rule; nil without beta.
    let errors: Tensor?
    /// States before each chunk, for the pullback.
    let chunkStates: Tensor?
  }

  /// Runs the recurrence.
  ///
  /// - Parameters:
  ///   - state: `[G, H, d_k, d_v]`, the states before the first tokens.
  ///   - segments: G segments of the N rows.
  ///   - keepsStates: Whether the pullback will be needed.
  /// - Returns: The results.
  public func callAsFunction(
    after state: Tensor, of segments: Segments, keepsStates: Bool
  ) -> Results {
    var arguments = arguments(state, segments)
    let chunks = lmn_linear_recurrence_chunks(&arguments)
    let results = Results(
      output: Tensor(uninitialized: values.shape), nextState: Tensor(uninitialized: state.shape),
      errors: beta.map { _ in Tensor(uninitialized: values.shape) },
      chunkStates: keepsStates
        ? Tensor(uninitialized: [chunks] + state.shape.dropFirst()) : nil)
    arguments.output = results.output.output
    arguments.next_state = results.nextState.output
    arguments.errors = results.errors?.output
    arguments.chunk_states = results.chunkStates?.output
    ExecutionContext.current.run(
      lmn_linear_recurrence_forward, arguments, on: queries, keys, values, beta, decay, state,
      segments, results.output, results.nextState, results.errors, results.chunkStates)
    return results
  }

  /// Cotangents of the inputs of a recurrence.
  public struct Cotangents: Sendable {
    /// Of the shapes of the inputs.
    public let queries, keys, values, state: Tensor
    /// Of the shapes of the inputs, nil without them.
    public let beta, decay: Tensor?
  }

  /// Pullback of the recurrence.
  ///
  /// - Parameters:
  ///   - output: Cotangent of the output, `[N, H · d_v]`.
  ///   - nextState: Cotangent of the states after the last tokens.
  ///   - results: As returned by the forward operation, with the states kept.
  ///   - state: As of the forward operation.
  ///   - segments: As of the forward operation.
  /// - Returns: Cotangents of the inputs.
  public func pullback(
    ofOutput output: Tensor, nextState: Tensor, results: Results, after state: Tensor,
    of segments: Segments
  ) -> Cotangents {
    precondition(results.chunkStates != nil, "LinearRecurrence: the states were not kept")
    precondition(
      output.shape == values.shape && nextState.shape == state.shape,
      "LinearRecurrence: cotangents \(output.shape), \(nextState.shape) of \(values.shape)")
    let cotangents = Cotangents(
      queries: Tensor(uninitialized: queries.shape), keys: Tensor(uninitialized: keys.shape),
      values: Tensor(uninitialized: values.shape), state: Tensor(uninitialized: state.shape),
      beta: beta.map { Tensor(uninitialized: $0.shape) },
      decay: decay.map { Tensor(uninitialized: $0.shape) })
    var forward = arguments(state, segments)
    forward.errors = results.errors?.output
    forward.chunk_states = results.chunkStates?.output
    ExecutionContext.current.run(
      lmn_linear_recurrence_backward,
      lmn_linear_recurrence_grad(
        forward: forward, d_output: output.base, d_next_state: nextState.base,
        d_queries: cotangents.queries.output, d_keys: cotangents.keys.output,
        d_values: cotangents.values.output, d_beta: cotangents.beta?.output,
        d_decay: cotangents.decay?.output, d_state: cotangents.state.output),
      on: queries, keys, values, beta, decay, state, segments, results.errors,
      results.chunkStates, output, nextState, cotangents.queries, cotangents.keys,
      cotangents.values, cotangents.beta, cotangents.decay, cotangents.state)
    return cotangents
  }

  /// One step for the chosen memories of B streams, a row per choice; changes `states`
  /// `[B, G, H, d_k, d_v]` in place.
  ///
  /// - Returns: The output, `[N, H · d_v]`.
  package func step(_ states: Tensor, of choices: StreamChoices) -> Tensor {
    let output = Tensor(uninitialized: values.shape)
    precondition(
      queries.shape[0] == choices.rows
        && states.count == choices.memoryCount * queries.shape[1] * valueWidth,
      "LinearRecurrence: states \(states.shape) of \(choices.memoryCount) memories")
    ExecutionContext.current.run(
      lmn_linear_recurrence_step_forward,
      lmn_linear_recurrence_step(
        choices: choices.arguments, heads: heads, key_width: keyWidth, value_width: valueWidth,
        decay_width: decayWidth, queries: queries.base, keys: keys.base, values: values.base,
        beta: beta?.base, decay: decay?.base, states: states.output, output: output.output),
      on: queries, keys, values, beta, decay, states, choices, output)
    return output
  }

  private var keyWidth: Int { queries.shape[1] / heads }
  private var valueWidth: Int { values.shape[1] / heads }
  private var decayWidth: Int { decay.map { $0.shape[1] / heads } ?? 1 }

  private func arguments(_ state: Tensor, _ segments: Segments) -> lmn_linear_recurrence {
    precondition(
      segments.rows == queries.shape[0]
        && state.shape == [segments.count, heads, keyWidth, valueWidth],
      "LinearRecurrence: states \(state.shape) of \(segments.count) segments of \(queries.shape)")
    return lmn_linear_recurrence(
      rows: queries.shape[0], heads: heads, key_width: keyWidth, value_width: valueWidth,
      decay_width: decayWidth, chunk: chunk, segments: segments.count,
      offsets: segments.offsets?.base, queries: queries.base, keys: keys.base,
      values: values.base, beta: beta?.base, decay: decay?.base, state: state.base,
      next_state: nil, output: nil, errors: nil, chunk_states: nil)
  }
}

/// Largest width of a head of a linear recurrence.
public let mostHeadWidth = Int(LMN_MOST_HEAD_WIDTH)
/// Largest chunk of a linear recurrence.
public let mostChunk = Int(LMN_MOST_CHUNK)
