public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Linear-attention memory: per head a matrix S that maps keys to values.
///
/// Queries, keys and values are projections of the tokens, after a short causal convolution, a
/// feature map and, for queries and keys, an L2 norm. A token updates S by the ``LinearRule``, then
/// reads it. The output is normalised per head, multiplied by a gate, and projected.
///
/// State: `S` `[G, H, d_k, d_v]`, and `queries`, `keys` and `values` `[G, W − 1, …]`, the last rows
/// before the convolution. G is 1; a mixture has a state for each of its memories.
public struct LinearMemory: Memory {
  /// Projections `[H · d_k, E]` of the queries, `[sets · H · d_k, E]` of the keys and
  /// `[sets · H · d_v, E]` of the values.
  public var query, key, value: Variable
  /// Projection `[sets · H, E]` of the step sizes; nil without a delta rule.
  public var beta: Variable?
  /// Decays of the rule.
  public var decay: Decay
  /// Taps `[…, W]` of the convolutions of queries, keys and values; nil without.
  public var queryConv, keyConv, valueConv: Variable?
  /// Projection `[H · d_v, E]` of the output gate; nil without.
  public var gate: Variable?
  /// Gain `[d_v]` of the norm of a head's output.
  public var outputNorm: Variable
  /// Output projection `[E, H · d_v]`.
  public var output: Variable
  /// Sizes and kinds.
  public let settings: Settings
  /// Number of sets of projections of keys, values, step sizes and decays.
  public let sets: Int

  /// Parameters of the decays.
  public enum Decay: Sendable {
    /// No decay.
    case none
    /// A decay per head: projection `[sets · H, E]`, log-rates `[H]` and biases `[H]`.
    case ofHeads(weight: Variable, logRate: Variable, bias: Variable)
    /// A decay per row of the state: projections `[sets · R, E]` and `[sets · H · d_k, R]`, and the
    /// bias of the second, `[sets · H · d_k]`.
    case ofRows(inner: Variable, outer: Variable, bias: Variable)
  }

  /// A memory with parameters from `source`.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - settings: Sizes and kinds, which are valid.
  ///   - sets: Number of sets of projections; more than 1 for the memories of a mixture.
  ///   - source: Source of the parameters.
  public init(
    width: Int, _ settings: Settings, sets: Int = 1, using source: inout ParameterSource
  ) {
    let heads = settings.heads
    let (keys, values) = (heads * settings.keyWidth, heads * settings.valueWidth)
    func matrix(_ outputs: Int, _ inputs: Int) -> Variable {
      source.parameter([outputs, inputs], .uniform(bound: 1 / Float(inputs).squareRoot()))
    }
    self.settings = settings
    self.sets = sets
    query = matrix(keys, width)
    key = matrix(sets * keys, width)
    value = matrix(sets * values, width)
    beta = settings.rule.hasBeta ? matrix(sets * heads, width) : nil
    decay =
      switch settings.rule {
      case .linear, .delta: .none
      case .gatedDelta:
        .ofHeads(
          weight: matrix(sets * heads, width),
          logRate: source.parameter([heads], .drawn { log(max(1e-3, $0.uniform(in: 0..<16))) }),
          bias: source.parameter([heads], .drawn { inverseSoftplus($0.logUniform(in: 1e-3..<0.1)) })
        )
      case .gatedLinear:
        .ofRows(
          inner: matrix(sets * settings.decayRank, width),
          outer: matrix(sets * keys, settings.decayRank),
          bias: source.parameter(
            [sets * keys], .uniform(bound: 1 / Float(settings.decayRank).squareRoot())))
      }
    let taps = settings.convolution
    queryConv = taps > 0 ? matrix(keys, taps) : nil
    keyConv = taps > 0 ? matrix(keys, taps) : nil
    valueConv = taps > 0 ? matrix(values, taps) : nil
    gate = settings.outputGate ? matrix(values, width) : nil
    outputNorm = source.parameter([settings.valueWidth], .constant(1))
    output = matrix(width, values)
  }

  /// The state before the first token: zeros.
  public var initialState: MemoryState { initialState(of: 1) }

  /// The state of `memories` memories before the first token.
  func initialState(of memories: Int) -> MemoryState {
    let (heads, before) = (settings.heads, settings.convolution - 1)
    let (keys, values) = (heads * settings.keyWidth, heads * settings.valueWidth)
    var shapes = [("S", [memories, heads, settings.keyWidth, settings.valueWidth])]
    if before > 0 {
      shapes += [("queries", keys), ("keys", keys), ("values", values)].map { name, width in
        (name, [memories, before, width])
      }
    }
    return MemoryState(
      shapes.map { name, shape in
        .init(name, Variable(constant: Tensor(shape: shape, repeating: 0)))
      })
  }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    recall(x, by: nil, after: &state)
  }

  /// The state after L tokens, without output norm and output map.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    advance(&state, over: x, by: nil)
  }

  /// One layout: recordings depend on the length only.
  public func layout(start: Int, length: Int) -> [Int] { [length] }

  /// Allocates state for `count` streams.
  public func makeStreams(_ count: Int) -> any MemoryStreams {
    LinearStreams(of: self, memories: 1, count: count) { [self] x, streams in
      recall(x, by: nil, in: streams)
    }
  }

  /// Visits projections, convolutions, output norm and output.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("query.weight", &query, isMap: true)
    visit("key.weight", &key, isMap: true)
    visit("value.weight", &value, isMap: true)
    visit("beta.weight", &beta)
    decay.visitParameters(visit)
    visit("query_conv.weight", &queryConv)
    visit("key_conv.weight", &keyConv)
    visit("value_conv.weight", &valueConv)
    visit("gate.weight", &gate, isMap: true)
    visit("output_norm.weight", &outputNorm)
    visit("out_proj.weight", &output, isMap: true)
  }
}

extension LinearMemory.Decay: Module {
  /// Visits the parameters of the decays; rates and biases of heads take no weight decay.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    switch self {
    case .none: break
    case .ofHeads(var weight, var logRate, var bias):
      visit("decay.weight", &weight)
      visit("A_log", &logRate, decays: false)
      visit("dt_bias", &bias, decays: false)
      self = .ofHeads(weight: weight, logRate: logRate, bias: bias)
    case .ofRows(var inner, var outer, var bias):
      visit("decay_in.weight", &inner)
      visit("decay_out.weight", &outer)
      visit("decay_out.bias", &bias)
      self = .ofRows(inner: inner, outer: outer, bias: bias)
    }
  }
}

/// x with softplus(x) = `value`.
private func inverseSoftplus(_ value: Float) -> Float { value + log(-expm1(-value)) }
