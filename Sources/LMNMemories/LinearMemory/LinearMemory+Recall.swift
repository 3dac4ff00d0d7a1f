internal import LMNAutodiff
internal import LMNKernels

/// Rows of the tokens of all memories: inputs of convolution and recurrence.
struct LinearRows {
  var queries, keys, values: Variable
  let beta, decay: Variable?
}

/// Tokens sent to several memories, and the weights of what these return.
struct Dispatch {
  let grouping: Grouping
  let weights: Variable

  init(_ routing: Routing, isShared: Bool) {
    grouping = Grouping(routing.choices, isShared: isShared)
    weights = routing.weights
  }
}

/// Form of the parts of a linear-attention memory that carry its state.
protocol LinearForm {
  /// Short convolution of rows `[N, …]` by taps `[…, W]`, continuing the state's part `name`.
  mutating func convolve(_ rows: Variable, _ taps: Variable, _ name: String) -> Variable
  /// Recurrence over rows; output `[N, H · d_v]`.
  mutating func recur(_ rows: LinearRows, heads: Int) -> Variable
}

/// The parallel form, over segments of rows.
struct ParallelForm: LinearForm {
  let segments: Segments
  var state: MemoryState

  mutating func convolve(_ rows: Variable, _ taps: Variable, _ name: String) -> Variable {
    let (width, hasHistory) = (taps.value.shape[0], taps.value.shape[1] > 1)
    let history =
      hasHistory
      ? state[name]
      : Variable(constant: Tensor(shape: [segments.count, 0, width], scalars: []))
    let (activated, next) = rows.shortConv(taps: taps, history: history, of: segments)
    if hasHistory { state[name] = next }
    return activated
  }

  mutating func recur(_ rows: LinearRows, heads: Int) -> Variable {
    let (output, next) = rows.queries.linearRecurrence(
      keys: rows.keys, values: rows.values, beta: rows.beta, decay: rows.decay, heads: heads,
      after: state["S"], of: segments)
    state["S"] = next
    return output
  }
}

extension LinearMemory {
  /// The parallel form.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`.
  ///   - dispatch: Memories of the tokens; nil for one memory.
  ///   - state: States of the memories before the tokens, updated to those after them.
  /// - Returns: `[L, E]`.
  func recall(
    _ x: Variable, by dispatch: Dispatch?, after state: inout MemoryState
  ) -> Variable {
    var form = ParallelForm(
      segments: dispatch?.grouping.segments ?? Segments(rows: x.value.shape[0]), state: state)
    defer { state = form.state }
    return recall(x, by: dispatch, in: &form)
  }

  /// The sequential form: `[B, E]` for a token of each of B streams, `[B, E]`.
  func recall(_ x: Tensor, by dispatch: Dispatch?, in streams: LinearStreams) -> Tensor {
    let choices = dispatch.map { StreamChoices($0.grouping) }
    var form = SequentialForm(
      choices: choices ?? StreamChoices(streams: x.shape[0]), streams: streams)
    return recall(Variable(constant: x), by: dispatch, in: &form).value
  }

  /// The states of the memories after L tokens, `[L, E]`, without outputs.
  func advance(_ state: inout MemoryState, over x: Variable, by dispatch: Dispatch?) {
    var form = ParallelForm(
      segments: dispatch?.grouping.segments ?? Segments(rows: x.value.shape[0]), state: state)
    _ = recur(x, dispatch?.grouping, in: &form)
    state = form.state
  }

  private func recall(
    _ x: Variable, by dispatch: Dispatch?, in form: inout some LinearForm
  ) -> Variable {
    var read = recur(x, dispatch?.grouping, in: &form)
    if let dispatch { read = read.combined(by: dispatch.grouping, weights: dispatch.weights) }

    let shape = read.value.shape
    let normed = read.reshaped([shape[0] * settings.heads, settings.valueWidth])
      .rmsNorm(gain: outputNorm, epsilon: 1e-6).reshaped(shape)
    let gated = gate.map { normed.gated(bySiLUOf: x.linear(weight: $0)) } ?? normed
    return gated.linear(weight: output)
  }

  /// Outputs of the recurrence, `[N, H · d_v]`, grouped by memory; updates the states.
  private func recur(
    _ x: Variable, _ grouping: Grouping?, in form: inout some LinearForm
  ) -> Variable {
    var rows = project(x, grouping)
    if let queryConv, let keyConv, let valueConv {
      rows.queries = form.convolve(rows.queries, queryConv, "queries")
      rows.keys = form.convolve(rows.keys, keyConv, "keys")
      rows.values = form.convolve(rows.values, valueConv, "values")
    }
    let width = settings.keyWidth
    func features(_ x: Variable, scale: Float) -> Variable {
      x.features(
        settings.featureMap, width: width, isNormalized: settings.normalize, scale: scale)
    }
    rows.queries = features(rows.queries, scale: 1 / Float(width).squareRoot())
    rows.keys = features(rows.keys, scale: 1)
    return form.recur(rows, heads: settings.heads)
  }

  /// The rows of the tokens `[L, E]` before the convolution, grouped by memory.
  private func project(_ x: Variable, _ grouping: Grouping?) -> LinearRows {
    let separate = sets > 1 ? grouping : nil
    let dispatched = separate.map { x.dispatched(by: $0) } ?? x
    /// Rows of a projection of every set, `[N, n]` for weights `[sets · n, …]`.
    func map(_ rows: Variable, _ weight: Variable, bias: Variable? = nil) -> Variable {
      guard let separate else { return rows.linear(weight: weight, bias: bias) }
      let shape = weight.value.shape
      return rows.groupedLinear(
        weight: weight.reshaped([sets, shape[0] / sets, shape[1]]),
        bias: bias?.reshaped([sets, shape[0] / sets]), of: separate.segments)
    }
    /// Rows of all choices, from rows of tokens if all memories share the projections.
    func placed(_ rows: Variable) -> Variable {
      guard let grouping, separate == nil else { return rows }
      return rows.dispatched(by: grouping)
    }
    let decays: Variable? =
      switch decay {
      case .none: nil
      case .ofHeads(let weight, let logRate, let bias):
        placed(map(dispatched, weight).headDecay(logRate: logRate, bias: bias))
      case .ofRows(let inner, let outer, let bias):
        placed(
          map(map(dispatched, inner), outer, bias: bias).logSigmoid()
            .scaled(by: 1 / settings.decayNormalizer))
      }
    let queries = x.linear(weight: query)
    return LinearRows(
      queries: grouping.map { queries.dispatched(by: $0) } ?? queries,
      keys: placed(map(dispatched, key)), values: placed(map(dispatched, value)),
      beta: beta.map { placed(map(dispatched, $0).sigmoid()) }, decay: decays)
  }
}
