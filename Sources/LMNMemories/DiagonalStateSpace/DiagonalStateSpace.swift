public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Diagonal state space memory (S4D, arXiv 2206.11893): a linear recurrence per channel with N / 2
/// complex states, then GELU and a gated map of the channels.
///
/// The recurrence has a transition A per state and a step Δ per channel, discretized by zero-order
/// hold: a = e^{ΔA}, B̄ = (a − 1) / A.
///
///     h[t] = a · h[t − 1] + B̄ · y[t],  s[t] = 2 Re Σ C · h[t] + D · y[t]
///     (p, q) = gelu(s) · Wᵀ + bias;  output = p · sigmoid(q)
///
/// State: `state` `[E, N / 2, 2]`, h / B̄ as real and imaginary part. The factor B̄ is one of the
/// output, so that a token is added to the state as it is.
public struct DiagonalStateSpace: Memory {
  /// log Δ, `[E]`.
  public var logStep: Variable
  /// D, `[E]`: weight of the token itself.
  public var skip: Variable
  /// log(−Re A), `[E, N / 2]`.
  public var logDecay: Variable
  /// Im A, `[E, N / 2]`.
  public var frequency: Variable
  /// C, `[E, N / 2, 2]`: real and imaginary part.
  public var weight: Variable
  /// Output map: E → 2E.
  public var output: Linear
  /// E.
  public let width: Int
  /// N.
  public let stateWidth: Int

  /// A memory with the initialisation S4D-Lin: A = −½ + iπn, Δ log-uniform in [0.001, 0.1), D
  /// normal, C complex normal of variance 1.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - settings: Size of the state.
  ///   - source: Source of the parameters.
  /// - Precondition: The state width is even.
  public init(width: Int, _ settings: Settings, using source: inout ParameterSource) {
    let (N, shape) = (settings.stateWidth, [width, settings.stateWidth / 2])
    precondition(N > 0 && N.isMultiple(of: 2), "DiagonalStateSpace: state width \(N) is not even")
    self.width = width
    stateWidth = N
    // Logarithms of 0.001 and 0.1, below of 1/2.
    logStep = source.parameter([width], .range(-6.9077554..<(-2.3025851)))
    skip = source.parameter([width], .normal(deviation: 1))
    logDecay = source.parameter(shape, .constant(-0.6931472))
    frequency = source.parameter(shape, .multiples(of: .pi))
    weight = source.parameter(shape + [2], .normal(deviation: Float(0.5).squareRoot()))
    output = Linear(inputs: width, outputs: 2 * width, using: &source)
  }

  /// The state before the first token: 0.
  public var initialState: MemoryState {
    let zero = Tensor(shape: [width, stateWidth / 2, 2], repeating: 0)
    return MemoryState([.init("state", Variable(constant: zero))])
  }

  /// Coefficients of the discretized recurrence, `[N / 2, 4, E]`.
  var coefficients: Variable {
    .discretized(logStep: logStep, logDecay: logDecay, frequency: frequency, output: weight)
  }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    mapped(recur(x, after: &state))
  }

  /// The state after L tokens, without the output map.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    _ = recur(x, after: &state)
  }

  /// s of L tokens, `[L, E]`; updates the state.
  private func recur(_ x: Variable, after state: inout MemoryState) -> Variable {
    let before = state["state"].reshaped([width, stateWidth]).transposed
    let (s, after) = x.stateSpace(coefficients: coefficients, skip: skip, after: before)
    state["state"] = after.transposed.reshaped([width, stateWidth / 2, 2])
    return s
  }

  /// Output for s, `[M, E]`.
  func mapped(_ s: Variable) -> Variable { output(s.gelu()).gatedLinearUnit() }

  /// The same kernel calls for every start.
  public func layout(start: Int, length: Int) -> [Int] { [length] }

  /// Allocates state for `count` streams.
  public func makeStreams(_ count: Int) -> any MemoryStreams {
    StateSpaceStreams(of: self, count: count)
  }

  /// Visits the parameters of the recurrence, then the output map.
  ///
  /// Weight decay does not apply to step and transition.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("log_dt", &logStep, decays: false)
    visit("D", &skip)
    visit("log_A_real", &logDecay, decays: false)
    visit("A_imag", &frequency, decays: false)
    visit("C", &weight)
    visit("out_proj", &output)
  }
}
