public import LMNAutodiff
public import LMNKernels
public import LMNLayers

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Causal softmax attention (arXiv 1706.03762), over all earlier tokens or a window of them.
///
/// State: `keys` and `values` `[n, E]` of the last n tokens, as many as there are, with a window at
/// most as many as it has; keys are rotated already.
public struct CausalAttention: Memory {
  /// Weight of the map to query, key and value: `[3E, E]`.
  public var projectionWeight: Variable
  /// Its bias: `[3E]`; nil for none.
  public var projectionBias: Variable?
  /// Output projection: E → E.
  public var output: Linear
  /// E.
  public let width: Int
  /// Heads, window and scale of the attention.
  public let shape: CausalAttentionShape
  /// Rotary positions; nil for none.
  public let rotary: Rotary?

  /// A memory with parameters from `source`.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - settings: Sizes and kinds.
  ///   - source: Source of the parameters.
  /// - Precondition: The settings are valid for the width.
  public init(width: Int, _ settings: Settings, using source: inout ParameterSource) {
    self.width = width
    shape = settings.shape(width: width)
    rotary =
      settings.rotary
      ? Rotary(headWidth: width / settings.heads, base: settings.rotaryBase) : nil
    let bound = 1 / Float(width).squareRoot()
    projectionWeight = source.parameter([3 * width, width], .uniform(bound: bound))
    projectionBias = settings.bias ? source.parameter([3 * width], .uniform(bound: bound)) : nil
    output = Linear(inputs: width, outputs: width, using: &source)
  }

  /// The state before the first token.
  public var initialState: MemoryState {
    let empty = Variable(constant: Tensor(shape: [0, width], scalars: []))
    return MemoryState([.init("keys", empty), .init("values", empty)])
  }

  /// Number of tokens in a state at `position`.
  private func cachedCount(at position: Int) -> Int { min(position, shape.window ?? position) }

  /// Shapes of a state; without a window, the number of rows is the position.
  public func stateShapes(at position: Int) -> [(name: String, shape: [Int])] {
    ["keys", "values"].map { ($0, [cachedCount(at: position), width]) }
  }

  /// Equal for starts with the same number of tokens in the state.
  public func layout(start: Int, length: Int) -> [Int] { [cachedCount(at: start)] }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let qkv = projections(of: x, at: pass.positions)
    let attended = qkv.causalAttention(after: state["keys"], state["values"], shape)
    write(qkv, into: &state)
    return output(attended)
  }

  /// The state after L tokens, without attention.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    write(projections(of: x, at: pass.positions), into: &state)
  }

  /// Adds the keys and values of projections to a state.
  private func write(_ qkv: Variable, into state: inout MemoryState) {
    for (part, name) in ["keys", "values"].enumerated() {
      state[name] = newest(qkv, part: 1 + part, after: state[name])
    }
  }

  /// Query, key and value of each token, `[L, 3E]`, queries and keys rotated.
  func projections(of x: Variable, at positions: PositionBuffer) -> Variable {
    let qkv = x.linear(weight: projectionWeight, bias: projectionBias)
    return rotary.map { qkv.rotated(by: $0, heads: 2 * shape.heads, at: positions) } ?? qkv
  }

  /// The newest rows of a state's part, given those before a chunk and the chunk's projections, of
  /// which it is the third number `part`.
  private func newest(_ qkv: Variable, part: Int, after old: Variable) -> Variable {
    let (length, before) = (qkv.value.shape[0], old.value.shape[0])
    let count = cachedCount(at: before + length)
    let added = min(count, length)
    let new = qkv.reshaped([3 * length, width])
      .rows(at: (length - added..<length).map { 3 * $0 + part })
    let kept = count - added
    return kept == 0
      ? new
      : .concatenatingRows([
        kept == before ? old : old.rows(at: Array(before - kept..<before)), new,
      ])
  }

  /// Allocates state for `count` streams.
  public func makeStreams(_ count: Int) -> any MemoryStreams {
    CausalAttentionStreams(of: self, count: count)
  }

  /// Visits the projections, under their published names.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("qkv.weight", &projectionWeight, isMap: true)
    visit("qkv.bias", &projectionBias)
    visit("out_proj", &output)
  }
}

extension Rotary {
  /// Rotations by base^(−2i / D) radians per position for pair i of D features.
  init(headWidth: Int, base: Double) {
    self.init(
      frequencies: Buffer(
        (0..<headWidth / 2).map { pair in
          pow(base, -2 * Double(pair) / Double(headWidth)) / (2 * .pi)
        }))
  }
}
